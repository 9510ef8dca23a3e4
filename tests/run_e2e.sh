#!/bin/sh
# Runs one file of tests/e2e with the venv that ./dev made. 77: its clients are not installed, so it is skipped.
root=$(cd "$(dirname "$0")/.." && pwd)
case "$1" in
  *kfp18*) venv="$root/build/venv-kfp18" ;;  # the SDK 1.8 cannot stand beside the SDK 2.x
  *s3_clients*) venv="$root/build/venv-s3" ;;  # pins another botocore than boto3
  *) venv="$root/build/venv" ;;
esac
python="$venv/bin/python"
if [ ! -f "$venv/.installed" ]; then
  echo "the real SDKs are not installed (PyPI was out of reach): skipped"
  [ "$CI" = true ] && exit 1
  exit 77
fi
exec "$python" -m pytest -q -p no:cacheprovider "$1"
