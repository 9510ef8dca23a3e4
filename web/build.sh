#!/usr/bin/env bash
# Builds the console: build.sh [OUTPUT FOLDER]   (default: dist beside this script)
# Leaves index.html, app.js, app.css and favicon.svg, each also as .gz. Needs Node 18 or newer and npm.
set -euo pipefail
web=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
mkdir -p "${1:-$web/dist}"
out=$(cd "${1:-$web/dist}" && pwd)
cd "$web"

for tool in node npm gzip sha256sum flock; do
  command -v "$tool" >/dev/null || { echo "web/build.sh: $tool is missing" >&2; exit 1; }
done

# One installation at a time: several build folders may share this source.
exec 9>"$web/.install.lock"
flock 9
mark=node_modules/.installed
want=$(sha256sum package-lock.json)
if [ "$(cat "$mark" 2>/dev/null || true)" != "$want" ]; then
  npm ci --ignore-scripts --loglevel=error || { echo "web/build.sh: npm could not fetch the console's packages" >&2; exit 1; }
  echo "$want" >"$mark"
fi
flock -u 9

node_modules/.bin/tsc --noEmit
node_modules/.bin/esbuild src/main.tsx --bundle --minify --target=es2022 --format=iife --jsx=automatic \
  --define:process.env.NODE_ENV='"production"' --legal-comments=none --charset=utf8 --log-level=warning \
  --outfile="$out/app.js"
node_modules/.bin/esbuild src/styles.css --minify --target=chrome100,firefox100,safari15 --log-level=warning --outfile="$out/app.css"
cp index.html favicon.svg "$out/"
for file in index.html app.js app.css favicon.svg; do
  gzip -9 -n -c "$out/$file" >"$out/$file.gz"
done
