"""Asking about pictures of one's own, without annotations: `finecops ground`, its Python functions, the demo."""
