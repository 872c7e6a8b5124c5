#!/usr/bin/env bash
# Create .venv with Python >= 3.11 and install Suwen into it: setup.sh PYTHON EXTRAS
set -euo pipefail
cd "$(dirname "$0")/.."
python=$1
extras=$2

as_root_or_say() { # as_root_or_say PACKAGE...: install from Debian when root, else name them and stop
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
        apt-get update -qq
        DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >/dev/null
    else
        echo "Missing Debian packages: $*. Install them with: sudo apt-get install $*" >&2
        exit 1
    fi
}

"$python" - <<'PY' || { echo "Suwen needs Python >= 3.11; run: make PYTHON=/path/to/python3.11 $MAKECMDGOALS" >&2; exit 1; }
import sys
sys.exit(sys.version_info < (3, 11))
PY
# Debian keeps ensurepip in a package of its own, and LightGBM needs the OpenMP runtime of GCC.
"$python" -c "import ensurepip" 2>/dev/null || as_root_or_say python3-venv
ldconfig -p 2>/dev/null | grep -q libgomp.so.1 || as_root_or_say libgomp1

[ -x .venv/bin/python ] || "$python" -m venv .venv
.venv/bin/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".$extras"
