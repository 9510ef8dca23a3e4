"""Millrace in Python: `millrace.up()` starts a server of its own and points every client of this process at it.

    import millrace, boto3, kfp
    millrace.up()
    kfp.Client().list_runs()
    boto3.client("sagemaker").list_training_jobs()

The server listens on a free port of the loopback device, keeps its data in a directory of its own (removed at the end) or
in `data_dir` (kept), and ends with the interpreter, however that ends. Only Python's standard library is needed.
"""

from millrace._program import program, version
from millrace._server import Server, StartError, down, up

__version__ = version()
__all__ = ["Server", "StartError", "down", "program", "up"]
