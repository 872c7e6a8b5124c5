#!/usr/bin/env bash
# The real peers the tests drive, from Debian: installed when root, else named. Tests that need an
# absent one are skipped and say so.
set -euo pipefail
declare -A package_of=(
    [dcmdump]=dcmtk [dciodvfy]=dicom3tools [chromium]=chromium [pdftoppm]=poppler-utils
    [pg_ctlcluster]=postgresql [mosquitto]=mosquitto
)
missing=()
for program in "${!package_of[@]}"; do
    command -v "$program" >/dev/null || missing+=("${package_of[$program]}")
done
[ ${#missing[@]} -eq 0 ] && exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo "Installing from Debian: ${missing[*]}"
    apt-get update -qq || true
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null ||
        echo "Could not install all of: ${missing[*]}; the tests that need them will be skipped." >&2
else
    echo "Not installed: ${missing[*]}. The tests that need them are skipped." >&2
    echo "To run them too: sudo apt-get install ${missing[*]}" >&2
fi
