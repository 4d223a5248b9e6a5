"""Questions to an MLLM as files of requests for the batch interfaces of servers, and their answers as a run's rows.

The stages are those of a run, and so are the requests (`finecops.models.openai_requests`): only who answers is another.
Docs: `docs/exchange.md`.
"""
