#!/bin/sh
# Install Azurite, the Blob Storage server that tests start, into $1. Where there is no npm, those tests are skipped.
set -eu
folder=$1
pins=$(dirname "$0")/../tests/storage/azurite

command -v npm >/dev/null || {
    echo "There is no npm here (Debian 12: apt-get install npm): tests that need Azurite will be skipped"
    exit 0
}
if [ -d "$folder/node_modules/azurite" ] && cmp -s "$pins/package-lock.json" "$folder/package-lock.json"; then
    exit 0
fi
echo "Installing Azurite for the tests"
rm -rf "$folder"
mkdir -p "$folder"
cp "$pins/package.json" "$pins/package-lock.json" "$folder"
# Nothing that its packages want to run at installation is run.
npm ci --prefix "$folder" --ignore-scripts --no-audit --no-fund --loglevel error || {
    rm -rf "$folder"
    echo "npm could not install Azurite, the reason stands above: tests that need it will be skipped"
}
