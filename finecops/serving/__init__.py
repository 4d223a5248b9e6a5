"""Starting programs that serve a model (vLLM), on the GPUs of this machine, and keeping them there for a run."""
