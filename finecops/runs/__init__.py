"""Run folders: specifications of stages, the runner that makes their files, engines, run.json."""
