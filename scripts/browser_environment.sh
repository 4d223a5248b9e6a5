#!/usr/bin/env bash
# Chromium for the browser tests and `finecops bench report`, from the system's own packages (Debian, Ubuntu).
#
#     bash scripts/browser_environment.sh
#
# It does nothing where a Chromium is found already. Playwright, which drives it, comes with the extra `browser` or
# `dev`, and needs no browser of its own. It fails where there is no Chromium at the end.
set -euo pipefail
found() {
    for name in "${FINECOPS_CHROMIUM:-}" chromium chromium-browser google-chrome google-chrome-stable; do
        if [ -n "$name" ] && path=$(command -v "$name"); then
            echo "$path"
            return 0
        fi
    done
    return 1
}
if ! found >/dev/null; then
    if ! command -v apt-get >/dev/null; then
        echo "no Chromium, and no apt-get to install it: install one and set FINECOPS_CHROMIUM to its path" >&2
        exit 1
    fi
    root=()
    [ "$(id -u)" = 0 ] || root=(sudo)
    "${root[@]}" apt-get update -qq
    DEBIAN_FRONTEND=noninteractive "${root[@]}" apt-get install -y -qq --no-install-recommends chromium fonts-dejavu-core >/dev/null
fi
path=$(found) || { echo "there is still no Chromium after its installation" >&2; exit 1; }
"$path" --version 2>/dev/null || { echo "$path does not start" >&2; exit 1; }
