"""Look the installed packages up in the database of known vulnerabilities, with pip-audit.

    python scripts/audit.py

Exit code 1 if one is known. Where pip-audit is not installed or its database cannot be reached, it says so and ends
with 0: a check without a network is not a finding.
"""

from __future__ import annotations

import importlib.util
import subprocess
import sys

TIMEOUT_SECONDS = 120
UNREACHABLE = ("ConnectionError", "Max retries", "timed out", "ServiceError", "Name or service not known", "HTTPError")


def main() -> None:
    """Run pip-audit and tell findings from an unreachable database."""
    if importlib.util.find_spec("pip_audit") is None:
        print("NOT CHECKED: pip-audit is not installed (pip install pip-audit)")
        return
    command = [sys.executable, "-m", "pip_audit", "--skip-editable", "--progress-spinner", "off"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_SECONDS)
    except subprocess.TimeoutExpired:
        print(f"NOT CHECKED: the database of vulnerabilities did not answer within {TIMEOUT_SECONDS} s")
        return
    if done.returncode and any(sign in done.stderr for sign in UNREACHABLE):
        print(f"NOT CHECKED: the database of vulnerabilities cannot be reached: {done.stderr.strip().splitlines()[-1]}")
        return
    lines = (done.stdout + done.stderr).splitlines()
    skipped = [line for line in lines if "could not be audited" in line]
    print("\n".join(line for line in lines if line not in skipped))
    if skipped:
        # Without this line "no known vulnerabilities" would look like an answer.
        print(f"NOT CHECKED: {len(skipped)} packages, which the database does not know")
    raise SystemExit(done.returncode)


if __name__ == "__main__":
    main()
