#!/bin/sh
# Rebuild the explorer page's assets from npm. The result is committed, so that building the server
# needs neither node nor a network.
set -eu
cd "$(dirname "$0")"
out=../assets/explorer
[ -d node_modules ] || npm ci --no-audit --no-fund
npx esbuild main.jsx --bundle --jsx=automatic --minify --format=iife --target=es2021 --legal-comments=none \
  --define:process.env.NODE_ENV='"production"' --loader:.woff2=dataurl --outfile="$out/app.js"
node licences.mjs > "$out/LICENCES.txt"
for file in app.js app.css; do gzip -9 -n -f "$out/$file"; done
ls -l "$out"
