"""People review a benchmark: a page to vote on in a browser, votes as rows, agreement, and the reviewed split.

The paper's human filter (section III). Votes come from outside and are not trusted. `docs/review.md` is for users.
"""
