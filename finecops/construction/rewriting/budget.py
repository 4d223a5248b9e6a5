"""What a language model may cost, in tokens and in money, and what it has cost."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from finecops.config.writing import WriterConfig
from finecops.construction.rewriting.writers import Conversation, Reply
from finecops.errors import UsageError

_BYTES_PER_TOKEN = 3.0
"""Of English text it is 4 to 5; with less, too much is set aside rather than too little."""
_MESSAGE_TOKENS = 6
"""What a chat template adds to each message."""


@dataclass
class Budget:
    """Tokens and US dollars that may be spent; None: any number.

    A request is sent only if what it is estimated to use is left. Then the server's own count is taken, or, where it
    gives none, the estimate. So the budget is exceeded by at most what answers are longer than estimated.
    """

    tokens: int | None = None
    usd: float | None = None
    prices: tuple[float, float] | None = None
    """US dollars for a million tokens of prompts, and of answers."""
    used: tuple[int, int] = (0, 0)
    """Tokens of prompts, and of answers."""
    is_estimate: bool = False
    """Whether a part of `used` was estimated."""
    reached: bool = False
    """Whether a request was not sent."""
    _held: list[tuple[int, int]] = field(default_factory=list)

    @classmethod
    def of(cls, config: WriterConfig, tokens: int | None = None, usd: float | None = None) -> Budget:
        """The budget that a user gives, with the prices of the configuration.

        Raises:
            UsageError: a budget in money, and no prices.
        """
        prices = (config.usd_per_million_input, config.usd_per_million_output)
        if prices[0] is None or prices[1] is None:
            if usd is not None:
                raise UsageError(
                    f"--budget-usd needs prices: state usd_per_million_input and usd_per_million_output in a copy of "
                    f"configs/writers/{config.name}.yaml, or use --budget-tokens"
                )
            return cls(tokens)
        return cls(tokens, usd, (prices[0], prices[1]))

    def cost(self, used: tuple[int, int]) -> float:
        """Tokens in US dollars; 0 without prices."""
        return sum(n * price for n, price in zip(used, self.prices or (0.0, 0.0), strict=True)) / 1e6

    @property
    def usd_used(self) -> float | None:
        """US dollars that were spent; None without prices."""
        return None if self.prices is None else self.cost(self.used)

    def hold(self, conversation: Conversation, answer_characters: int) -> bool:
        """Set aside what a request will use; False: that is not left, and the request must not be sent.

        If it would be left without what is set aside already, it may be tried again when those requests are answered.
        Otherwise the budget is reached.
        """
        # Both are rather too large, so that a budget is kept rather than used up.
        needed = (estimate(conversation), _tokens(answer_characters))
        # A smaller request might still fit; but then the sizes of sentences would decide which are rewritten.
        self.reached = self.reached or self._exceeds([needed])
        if self.reached or self._exceeds([*self._held, needed]):
            return False
        self._held.append(needed)
        return True

    def _exceeds(self, more: Sequence[tuple[int, int]]) -> bool:
        used = (self.used[0] + sum(n for n, _ in more), self.used[1] + sum(n for _, n in more))
        if self.tokens is not None and sum(used) > self.tokens:
            return True
        return self.usd is not None and self.cost(used) > self.usd

    def start(self, used: tuple[int, int], is_estimate: bool) -> None:
        """Count what commands before this one used, whose answers are kept: a build that is begun again has no new
        budget."""
        self.used = (self.used[0] + used[0], self.used[1] + used[1])
        self.is_estimate = self.is_estimate or is_estimate

    def settle(self, conversation: Conversation, reply: Reply) -> tuple[int, int]:
        """Count what was used, and return it."""
        used = reply.used or (estimate(conversation), _tokens(len(reply.text.encode())))
        self.is_estimate = self.is_estimate or reply.used is None
        self.used = (self.used[0] + used[0], self.used[1] + used[1])
        return used

    def release(self) -> None:
        """Nothing is on its way any more."""
        self._held = []

    @property
    def reason(self) -> str:
        """Why a question was not asked."""
        limits = [f"{self.tokens:,} tokens"] if self.tokens is not None else []
        # Of less than a cent, two places would say $0.00.
        limits += [f"${self.usd:,.2f}" if self.usd >= 0.01 else f"${self.usd:g}"] if self.usd is not None else []
        return f"not asked: the budget of {' and '.join(limits)} is used up"

    def __str__(self) -> str:
        about = "about " if self.is_estimate else ""
        money = "" if self.usd_used is None else f", ${self.usd_used:,.2f}"
        return f"{about}{sum(self.used):,} tokens ({self.used[0]:,} asked, {self.used[1]:,} answered){money}"


def estimate(conversation: Sequence[dict[str, str]]) -> int:
    """About how many tokens a conversation has, rather too many."""
    return sum(_tokens(len(message["content"].encode())) + _MESSAGE_TOKENS for message in conversation)


def _tokens(size: int) -> int:
    return math.ceil(size / _BYTES_PER_TOKEN)
