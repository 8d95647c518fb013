"""Take what one unit did many times for less than what many units did once. Pure.

Units are assigned, calls are observed. The calls of a thread or a team resemble each other, and a
test that took them for independent would see differences between arms where there are only
differences between units.
"""

from dataclasses import dataclass

from playground.prompts.ramps.sequential import Sums

# Fewer do not tell how much units differ.
FEWEST_UNITS = 50


@dataclass(frozen=True, slots=True)
class UnitSums:
    """What is kept of an arm whose units were observed several times.

    Attributes:
        n: how many observations there were; ``total`` and ``squares`` are sums over them.
        units: how many units they are of. With ``n_u`` observations of a unit and ``t_u`` their
            sum, the others are sums over units:
        counts_squared: of ``n_u²``.
        products: of ``n_u t_u``.
        totals_squared: of ``t_u²``.
    """

    n: int = 0
    total: float = 0.0
    squares: float = 0.0
    units: int = 0
    counts_squared: float = 0.0
    products: float = 0.0
    totals_squared: float = 0.0

    def plus(self, value: float, *, seen: int, total: float) -> "UnitSums":
        """Return the sums with an observation of a unit ``seen`` before, with that ``total``."""
        count, new = seen + 1, total + value
        return UnitSums(
            n=self.n + 1,
            total=self.total + value,
            squares=self.squares + value * value,
            units=self.units + (not seen),
            counts_squared=self.counts_squared + count * count - seen * seen,
            products=self.products + count * new - seen * total,
            totals_squared=self.totals_squared + new * new - total * total,
        )

    @property
    def design_effect(self) -> float:
        """Return how many observations are worth one independent one, at least 1.

        The variance of the mean over units by that over observations. Of few units nothing can be
        told about how they differ, nor of observations that are all alike: each unit counts once.
        """
        if not self.units:
            return 1.0
        plain = Sums(self.n, self.total, self.squares)
        alike = plain.variance <= 1e-12 * (self.squares / self.n)
        if self.units < FEWEST_UNITS or alike:
            return self.n / self.units
        mean = plain.mean
        between = self.totals_squared - 2 * mean * self.products + mean**2 * self.counts_squared
        of_units = between * self.units / (self.units - 1) / self.n**2
        return max(1.0, of_units / (plain.variance / self.n))

    def independent(self) -> Sums:
        """Return sums of as many independent observations as these are worth.

        Source: Rao and Scott, "A simple method for the analysis of clustered binary data",
        Biometrics 48 (1992).
        """
        worth = 1 / self.design_effect
        return Sums(self.n * worth, self.total * worth, self.squares * worth)
