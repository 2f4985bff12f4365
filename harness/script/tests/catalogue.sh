#!/bin/sh
# The catalogue says which scenarios exist: its bold names are the files, no more and no less.
# Usage: catalogue.sh FOLDER
set -eu
marked=$(grep -o '\*\*[a-z0-9][A-Za-z0-9-]*\*\*' "$1/CATALOGUE.md" | tr -d '*' | sort)
there=$(find "$1" -name '*.lua' -exec basename {} .lua ';' | sort)
if [ -z "$there" ] || [ "$marked" != "$there" ]; then
    echo "bold in the catalogue:" $marked
    echo "in the folders:" $there
    exit 1
fi
