#include "sagemaker/serving/script_server_program.h"

namespace millrace::sagemaker {
namespace {

constexpr std::string_view kProgram = R"py(
import importlib, importlib.util, inspect, io, json, mmap, os, signal, socket, struct, sys, time, traceback, types

MODEL, CODE, FRAMEWORK = (os.environ.get("MILLRACE_" + name, "") for name in ("MODEL", "CODE", "FRAMEWORK"))
JSON, CSV, NPY, LIBSVM, JSON_LINES = "application/json", "text/csv", "application/x-npy", "text/x-libsvm", "application/jsonlines"
TEXT = (JSON, CSV)
MULTI = os.environ.get("SAGEMAKER_MULTI_MODEL") == "true"  # MODEL is then the folder of many: <name>/model
HEAD_LIMIT, BACKLOG, DROPPED = 64 << 10, 1024, 256 << 20  # bytes, connections, bytes
DEFAULT_ACCEPT = os.environ.get("SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT") or JSON

def number(name, otherwise, least, most):
    text = os.environ.get(name) or ""
    value = int(text) if text.isdigit() else otherwise
    return min(max(value, least), most)

WORKERS = number("SAGEMAKER_MODEL_SERVER_WORKERS", os.cpu_count() or 1, 1, 64)
TIMEOUT = number("SAGEMAKER_MODEL_SERVER_TIMEOUT", 60, 1, 3600)
PAYLOAD = number("SAGEMAKER_MAX_PAYLOAD_IN_MB", 6, 1, 100)

class BaseInferenceToolkitError(Exception):
    def __init__(self, status_code, message, phrase=""):
        super().__init__(message)
        self.status_code, self.message, self.phrase = status_code, message, phrase

class GenericInferenceToolkitError(BaseInferenceToolkitError):
    def __init__(self, status_code, message=None, phrase=None):
        super().__init__(status_code, message or "Invalid Request", phrase or message or "")

class UnsupportedFormatError(BaseInferenceToolkitError):
    def __init__(self, content_type):
        super().__init__(415, f"Content type {content_type} is not supported by this framework.\n\nPlease implement input_fn to to deserialize the request data or an output_fn to\nserialize the response. For more information, see the SageMaker Python SDK README.", content_type)

class Response:  # of sagemaker_containers.beta.framework.worker
    def __init__(self, response=None, accept=None, status=200, mimetype=None, **_):
        self.response, self.status, self.mimetype = response, status, mimetype or accept

class Context:
    def __init__(self, model_dir=MODEL):
        self.system_properties = {"model_dir": model_dir, "gpu_id": None}
        self.headers, self.status, self.content_type = {}, None, None
        self.request_processor = [self]
    def get_request_properties(self): return self.headers
    def get_request_header(self, _, key): return self.headers.get(key.lower())
    def get_all_request_header(self, _=0): return self.headers
    def set_response_status(self, code=200, phrase="", idx=0): self.status = code
    def set_response_content_type(self, _, value): self.content_type = value

def type_of(header): return header.partition(";")[0].strip().lower()

# --- data ---

def decode_csv(text):
    import numpy
    try:  # numbers only: what genfromtxt gives, sooner
        rows = [[float(cell) for cell in line.split(",")] for line in text.splitlines() if line]
        if rows: return numpy.array(rows).squeeze()
    except ValueError:
        pass
    return numpy.genfromtxt(io.StringIO(text), dtype=None, delimiter=",", encoding="utf-8")

def decode(data, content_type, *_, **__):
    import numpy
    kind = type_of(content_type)
    if kind in TEXT and not isinstance(data, str): data = bytes(data).decode("utf-8")
    if kind == JSON: return numpy.array(json.loads(data))
    if kind == CSV: return decode_csv(data)
    if kind == NPY: return numpy.load(io.BytesIO(data), allow_pickle=True)
    raise UnsupportedFormatError(content_type)

def plain(value):
    if hasattr(value, "tolist"): return value.tolist()
    raise TypeError(f"Object of type {type(value).__name__} is not JSON serializable")

def encode(value, content_type, *_, **__):
    kind = type_of(content_type)
    if kind == JSON: return json.dumps(value, default=plain)
    import numpy
    if kind == CSV:
        stream = io.StringIO()
        numpy.savetxt(stream, value, delimiter=",", fmt="%s")
        return stream.getvalue()
    if kind == NPY:
        stream = io.BytesIO()
        numpy.save(stream, value)
        return stream.getvalue()
    raise UnsupportedFormatError(content_type)

# --- what each framework's image does where the script does not say it ---

class Defaults:
    accept = DEFAULT_ACCEPT
    def model_fn(self, model_dir):
        raise NotImplementedError("Please provide a model_fn implementation.\nSee documentation for model_fn at https://github.com/aws/sagemaker-python-sdk")
    def input_fn(self, data, content_type): return decode(data, content_type)
    def predict_fn(self, data, model):
        raise NotImplementedError("Please provide a predict_fn implementation.\nSee documentation for predict_fn at https://github.com/aws/sagemaker-python-sdk")
    def output_fn(self, prediction, accept): return encode(prediction, accept), accept

class ScikitLearn(Defaults):
    def input_fn(self, data, content_type):
        import numpy
        array = decode(data, content_type)
        return array.astype(numpy.float32) if type_of(content_type) in TEXT else array
    def predict_fn(self, data, model): return model.predict(data)

class XGBoost(Defaults):
    def model_fn(self, model_dir):
        import pickle, xgboost
        files = [name for name in sorted(os.listdir(model_dir)) if os.path.isfile(os.path.join(model_dir, name)) and not name.startswith(".")]
        if not files: raise RuntimeError(f"Model in {model_dir} cannot be loaded: there is no file")
        path = os.path.join(model_dir, "xgboost-model" if "xgboost-model" in files else files[0])
        try:
            with open(path, "rb") as file: return pickle.load(file)
        except Exception:
            booster = xgboost.Booster()
            booster.load_model(path)
            return booster
    def input_fn(self, data, content_type):
        import numpy, xgboost
        kind = type_of(content_type)
        if kind == CSV:
            text = data if isinstance(data, str) else data.decode("utf-8")
            rows = [[float(cell) if cell.strip() else numpy.nan for cell in line.split(",")] for line in text.strip().splitlines()]
            return xgboost.DMatrix(numpy.array(rows, dtype=numpy.float32))
        if kind in (LIBSVM, "text/libsvm"): return self.sparse(data if isinstance(data, str) else data.decode("utf-8"))
        return xgboost.DMatrix(numpy.atleast_2d(decode(data, content_type)))
    def sparse(self, text):
        import scipy.sparse, xgboost
        values, columns, starts = [], [], [0]
        for line in text.strip().splitlines():
            for word in line.split():
                column, colon, value = word.partition(":")
                if colon:
                    columns.append(int(column))
                    values.append(float(value))
            starts.append(len(values))
        return xgboost.DMatrix(scipy.sparse.csr_matrix((values, columns, starts), shape=(len(starts) - 1, max(columns, default=0) + 1)))
    def predict_fn(self, data, model):
        return model.predict(data, validate_features=False)

class XGBoostAlone(XGBoost):  # the image as an algorithm, without a script
    accept = os.environ.get("SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT") or CSV
    def output_fn(self, prediction, accept):
        values = prediction.tolist()
        if type_of(accept) == JSON: return json.dumps({"predictions": [{"score": value} for value in values]}), accept
        if type_of(accept) == JSON_LINES: return "".join(json.dumps({"score": value}) + "\n" for value in values), accept
        if type_of(accept) != CSV: raise GenericInferenceToolkitError(406, f"Accept type {accept} is not supported. Please use text/csv, application/json or application/jsonlines.")
        lines = [",".join(map(str, value)) if isinstance(value, list) else str(value) for value in values]
        if os.environ.get("SAGEMAKER_BATCH"): return "\n".join(lines) + "\n", accept
        return ",".join(lines), accept

class PyTorch(Defaults):
    def device(self):
        import torch
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    def model_fn(self, model_dir):
        import torch
        path = os.path.join(model_dir, "model.pt")
        if not os.path.exists(path):
            files = [name for name in os.listdir(model_dir) if name.endswith((".pt", ".pth"))]
            if len(files) != 1: raise ValueError(f"Exactly one .pth or .pt file is required for PyTorch models: {files}")
            path = os.path.join(model_dir, files[0])
        try:
            return torch.jit.load(path, map_location=self.device()).to(self.device())
        except RuntimeError as error:
            raise RuntimeError(f"Failed to load {path}. Please ensure model is saved using torchscript.") from error
    def input_fn(self, data, content_type):
        import torch
        array = decode(data, content_type)
        return (torch.FloatTensor(array) if type_of(content_type) in TEXT else torch.from_numpy(array)).to(self.device())
    def predict_fn(self, data, model):
        import torch
        with torch.no_grad():
            model = model.to(self.device())
            model.eval()
            return model(data.to(self.device()))
    def output_fn(self, prediction, accept):
        import torch
        if isinstance(prediction, torch.Tensor): prediction = prediction.detach().cpu().numpy().tolist()
        for one in accept.split(","):
            if type_of(one) in (JSON, CSV, NPY): return encode(prediction, one), type_of(one)
        raise UnsupportedFormatError(accept)

class HuggingFace(Defaults):
    def model_fn(self, model_dir):
        import transformers
        task = os.environ.get("HF_TASK")
        if not task: raise ValueError("Task couldn't be inferred; set the variable HF_TASK")
        return transformers.pipeline(task=task, model=os.environ.get("HF_MODEL_ID") or model_dir)
    def input_fn(self, data, content_type):
        if type_of(content_type) != JSON: raise UnsupportedFormatError(content_type)
        return json.loads(data)
    def predict_fn(self, data, model):
        inputs = data.pop("inputs", data)
        return model(inputs, **(data.pop("parameters", None) or {}))

def defaults(has_script):
    if FRAMEWORK == "xgboost": return XGBoost() if has_script else XGBoostAlone()
    return {"scikit-learn": ScikitLearn, "pytorch": PyTorch, "huggingface": HuggingFace}.get(FRAMEWORK, Defaults)()

# --- modules of the images that scripts import, where the environment has none ---

def stand_in(name, **members):
    try:
        if importlib.util.find_spec(name) is not None: return
    except (ImportError, ValueError):
        pass
    module = types.ModuleType(name)
    module.__path__ = []
    module.__dict__.update(members)
    sys.modules[name] = module
    parent, _, last = name.rpartition(".")
    if parent in sys.modules: setattr(sys.modules[parent], last, module)

def provide_modules():
    types_of_content = types.SimpleNamespace(JSON=JSON, CSV=CSV, NPY=NPY, OCTET_STREAM="application/octet-stream", ANY="*/*", UTF8_TYPES=list(TEXT))
    errors = types.SimpleNamespace(BaseInferenceToolkitError=BaseInferenceToolkitError, GenericInferenceToolkitError=GenericInferenceToolkitError, UnsupportedFormatError=UnsupportedFormatError)
    stand_in("sagemaker_inference")
    for name, members in {"content_types": vars(types_of_content), "errors": vars(errors), "decoder": {"decode": decode}, "encoder": {"encode": encode}}.items():
        stand_in("sagemaker_inference." + name, **members)
    stand_in("sagemaker_containers")
    stand_in("sagemaker_containers.beta")
    coders = types.SimpleNamespace(decode=decode, encode=encode)
    stand_in("sagemaker_containers.beta.framework", content_types=types_of_content, encoders=coders, errors=errors, worker=types.SimpleNamespace(Response=Response))

# --- the script ---

def called(function, *given):
    """The handler, which may ask for the context as one argument more."""
    try:
        count = len(inspect.signature(function).parameters)
    except ValueError:
        count = len(given)
    if count == len(given): return lambda context, *values: function(*values)
    if count == len(given) + 1: return lambda context, *values: function(*values, context)
    raise TypeError(f"{function.__name__} takes {count} arguments but {len(given)} were given.")

def prepare():
    sys.path[:0] = [path for path in (CODE, os.path.join(CODE, "lib")) if CODE and os.path.isdir(path)]
    provide_modules()

def import_own(name, code):
    """A module of one model among others, whose modules may have the same names."""
    paths, lies_in = [code, os.path.join(code, "lib")], lambda module, folder: (getattr(module, "__file__", None) or "").startswith(folder + os.sep)
    hidden = {other: module for other, module in sys.modules.items() if CODE and lies_in(module, CODE)}
    for other in hidden: del sys.modules[other]
    sys.path[:0] = paths
    try:
        return importlib.import_module(name)
    finally:
        for path in paths: sys.path.remove(path)
        for other in [other for other, module in sys.modules.items() if lies_in(module, code)]: del sys.modules[other]
        sys.modules.update(hidden)

def load(model_dir=MODEL, code=CODE):
    """How a request is answered: a function of the context, the body, its type and what is accepted."""
    name = (os.environ.get("SAGEMAKER_PROGRAM") or "inference.py").removesuffix(".py").replace("/", ".")
    has_script = code != "" and os.path.isfile(os.path.join(code, name.replace(".", "/") + ".py"))
    module = None
    if has_script: module = importlib.import_module(name) if code == CODE else import_own(name, code)
    own = defaults(has_script)
    found = {part: getattr(module, part, None) for part in ("model_fn", "input_fn", "predict_fn", "output_fn", "transform_fn")}
    if found["transform_fn"] and (found["input_fn"] or found["predict_fn"] or found["output_fn"]):
        raise ValueError("Cannot use transform_fn implementation in conjunction with input_fn, predict_fn, and/or output_fn implementation")
    model = called(found["model_fn"] or own.model_fn, "model_dir")(Context(model_dir), model_dir)
    if found["transform_fn"]:
        transform = called(found["transform_fn"], "model", "data", "content_type", "accept")
        return own, lambda context, data, content_type, accept: transform(context, model, data, content_type, accept)
    input_fn = called(found["input_fn"] or own.input_fn, "data", "content_type")
    predict_fn = called(found["predict_fn"] or own.predict_fn, "data", "model")
    output_fn = called(found["output_fn"] or own.output_fn, "prediction", "accept")
    def run(context, data, content_type, accept):
        return output_fn(context, predict_fn(context, input_fn(context, data, content_type), model), accept)
    return own, run

class Models:
    """Those that this worker has loaded, of a multi-model endpoint: each is loaded when it is asked for, and goes when its
    files have gone or are others."""
    def __init__(self): self.loaded = {}
    def stamp(self, name):
        try:
            status = os.stat(os.path.join(MODEL, name, "model"))
            return status.st_ino, status.st_mtime_ns
        except OSError:
            return None
    def get(self, name):
        for other in [other for other, (stamp, _) in self.loaded.items() if stamp != self.stamp(other)]: del self.loaded[other]
        if name not in self.loaded:
            stamp = self.stamp(name) if name.isalnum() else None
            if stamp is None: raise KeyError(name)
            own = os.path.join(MODEL, name, "model", "code")
            self.loaded[name] = stamp, load(os.path.join(MODEL, name, "model"), own if os.path.isdir(own) else CODE)
        return self.loaded[name][1]
    def respond(self, method, target, headers, body):
        _, _, name, *verb = target.split("/") if target.count("/") > 1 else ("", "", "")
        shown = lambda one: {"modelName": one, "modelUrl": f"/opt/ml/models/{one}/model"}
        try:
            if method == "POST" and not name: self.get(str(json.loads(body).get("model_name", "")))
            elif method == "POST" and verb == ["invoke"]: return answer(*self.get(name), headers, body, os.path.join(MODEL, name, "model"))
            elif method == "DELETE": self.loaded.pop(name, None)
            elif name: return (200, JSON, json.dumps(shown(name)).encode()) if self.stamp(name) else (404, "text/plain", b"")
            else: return 200, JSON, json.dumps({"models": [shown(one) for one in sorted(os.listdir(MODEL)) if self.stamp(one)]}).encode()
            return 200, "text/plain", b""
        except KeyError:
            return 404, "text/plain", f"There is no model {name}\n".encode()
        except Exception as error:
            traceback.print_exc()
            return 500, "text/plain", f"{error}\n{traceback.format_exc()}".encode("utf-8", "replace")

def answer(own, run, headers, body, model_dir=MODEL):
    """status, content type, bytes"""
    content_type = headers.get("content-type") or JSON
    accept = headers.get("accept") or ""
    if accept in ("", "*/*"): accept = own.accept
    context = Context(model_dir)
    context.headers = headers
    try:
        data = body.decode("utf-8") if type_of(content_type) in TEXT else body
        result, status = run(context, data, content_type, accept), 200
        if isinstance(result, Response):
            status, accept, result = result.status or 200, result.mimetype or accept, result.response
        elif isinstance(result, tuple):
            result, accept = result[0], result[1]
        status = context.status or status
        if not isinstance(result, (str, bytes, bytearray, memoryview)): result = encode(result, accept if type_of(accept) in (JSON, CSV, NPY) else JSON)
        if isinstance(result, str): result = result.encode("utf-8")
        return status, context.content_type or accept, bytes(result)
    except Exception as error:
        text, status = traceback.format_exc(), 500
        if hasattr(error, "status_code"): status = error.status_code
        print(text, end="", file=sys.stderr, flush=True)
        return status, "text/plain", f"{getattr(error, 'message', None) or error}\n{text}".encode("utf-8", "replace")

# --- HTTP ---

def read_request(connection):
    data = connection.recv(HEAD_LIMIT)
    end = data.find(b"\r\n\r\n")
    while end < 0:
        more = connection.recv(HEAD_LIMIT) if data and len(data) < HEAD_LIMIT else b""
        if not more: return None
        data += more
        end = data.find(b"\r\n\r\n")
    first, *lines = data[:end].decode("latin-1").split("\r\n")
    headers = {}
    for line in lines:
        name, _, value = line.partition(":")
        headers[name.lower()] = value.strip()
    method, target, _ = first.split(" ", 2)
    length = int(headers.get("content-length") or 0)
    body = data[end + 4:]
    if length > PAYLOAD << 20:  # read, so that the caller does not fail before it has the answer
        left = min(length, DROPPED) - len(body)
        while left > 0:
            got = len(connection.recv(min(left, 1 << 20)))
            if got == 0: return None
            left -= got
        return method, target, headers, None
    if len(body) < length:
        whole = bytearray(length)
        whole[:len(body)] = body
        view, at = memoryview(whole), len(body)
        while at < length:
            got = connection.recv_into(view[at:])
            if got == 0: return None
            at += got
        body = bytes(whole)
    return method, target, headers, body

def write(connection, status, content_type, body):
    content_type = "".join(c for c in str(content_type) if c >= " ")
    connection.sendall(f"HTTP/1.1 {int(status)} -\r\nContent-Type: {content_type}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n".encode("latin-1", "replace") + body)

def respond(own, run, method, target, headers, body):
    if target == "/ping": return 200, "text/plain", b""
    if MULTI and (target == "/models" or target.startswith("/models/")):
        if body is None: return 413, "text/plain", b"The request body is larger than %d MB\n" % PAYLOAD
        return run.respond(method, target, headers, body)
    if target == "/execution-parameters":
        return 200, JSON, json.dumps({"MaxConcurrentTransforms": WORKERS, "BatchStrategy": "MULTI_RECORD", "MaxPayloadInMB": PAYLOAD}).encode()
    if MULTI or target != "/invocations": return 404, "text/plain", b"There is /ping and /invocations here\n"
    if method != "POST": return 405, "text/plain", b"Use POST for /invocations\n"
    if body is None: return 413, "text/plain", b"The request body is larger than %d MB\n" % PAYLOAD
    return answer(own, run, headers, body)

# --- processes ---

# Of each worker: since when it has had its request (0: it has none), 1 once it has its model.
class Board:
    row = struct.Struct("dd")
    def __init__(self): self.memory = mmap.mmap(-1, self.row.size * WORKERS)
    def get(self, i): return self.row.unpack_from(self.memory, i * self.row.size)
    def set(self, i, since, ready): self.row.pack_into(self.memory, i * self.row.size, since, ready)

def work(listener, board, i):
    ending = []
    def end(*_):
        ending.append(True)
        if board.get(i)[0] == 0: os._exit(0)
    signal.signal(signal.SIGTERM, end)
    prepare()
    own, run = (None, Models()) if MULTI else load()
    board.set(i, 0, 1)
    print(f"worker {os.getpid()} " + ("is ready" if MULTI else "has loaded the model"), flush=True)
    now = time.monotonic
    while not ending:
        connection, _ = listener.accept()
        board.set(i, now(), 1)
        try:
            request = read_request(connection)
            if request: write(connection, *respond(own, run, *request))
        except (OSError, ValueError, UnicodeError):
            pass  # the caller's fault or gone
        finally:
            connection.close()
            board.set(i, 0, 1)
    os._exit(0)

def listen(name):
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(name + ".new")
    listener.listen(BACKLOG)
    os.rename(name + ".new", name)
    return listener

def fork(listener, ping, board, i):
    board.set(i, 0, 0)
    child = os.fork()
    if child: return child
    ping.close()
    try:
        work(listener, board, i)
    except BaseException:
        traceback.print_exc()
    os._exit(1)

def main():
    board, ping, listener = Board(), listen("ping"), listen("s")
    children = {fork(listener, ping, board, i): i for i in range(WORKERS)}
    ping.settimeout(0.25)
    def end(*_):
        for child in children: os.kill(child, signal.SIGTERM)
        for child in children: os.waitpid(child, 0)
        os._exit(0)
    signal.signal(signal.SIGTERM, end)
    while True:
        try:
            connection, _ = ping.accept()
            connection.settimeout(1)
            if read_request(connection):
                write(connection, 200 if all(board.get(i)[1] for i in range(WORKERS)) else 503, "text/plain", b"")
            connection.close()
        except (OSError, ValueError):
            pass
        while True:
            child, status = os.waitpid(-1, os.WNOHANG)
            if child == 0: break
            i = children.pop(child, None)
            if i is None: continue  # one that a worker left behind
            if not board.get(i)[1]:
                print("the model cannot be loaded", file=sys.stderr, flush=True)
                for other in children: os.kill(other, signal.SIGKILL)
                os._exit(1)
            print(f"worker {child} has ended; another one takes its place", file=sys.stderr, flush=True)
            children[fork(listener, ping, board, i)] = i
        for child, i in children.items():
            since = board.get(i)[0]
            if since and time.monotonic() - since > TIMEOUT:
                print(f"worker {child} is killed: one request has taken it {TIMEOUT} seconds", file=sys.stderr, flush=True)
                os.kill(child, signal.SIGKILL)

main()
)py";

}  // namespace

std::string_view script_server_program() { return kProgram; }

}  // namespace millrace::sagemaker
