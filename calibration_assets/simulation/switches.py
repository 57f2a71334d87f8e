"""Switches: the units for which it matters whether they take up, and the combinations that a household can be in.

Copies are numbered first as they are, then their variants: copy 0's other combinations, copy 1's, and so on. In
combination `pattern` of a copy, its switch number b is the other way round where bit b is set.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from calibration_assets.errors import CalibrationError
from calibration_assets.imputation.takeup import Programme, TakeUp
from calibration_assets.simulation.copies import Copies

MOST_SWITCHES = 16
"""In one household: 65,536 combinations."""


@dataclass(frozen=True)
class Switches:
    """The switches of a set of copies, ordered by copy: programme number, and row of the programme's entity."""

    programmes: tuple[Programme, ...]
    copies: Copies
    copy: np.ndarray
    programme: np.ndarray
    row: np.ndarray

    @classmethod
    def where(cls, programmes: tuple[Programme, ...], copies: Copies, matters: Mapping[str, np.ndarray]) -> "Switches":
        """The switches of the rows where `matters[variable]` is set, bool by copied row of the programme's entity."""
        rows = [np.flatnonzero(matters[programme.variable]) for programme in programmes]
        owner = [copies.copy_of(one.entity)[row] for one, row in zip(programmes, rows, strict=True)]
        copy = np.concatenate([np.zeros(0, np.int64), *owner])
        order = np.argsort(copy, kind="stable")
        programme = np.repeat(np.arange(len(programmes)), [len(row) for row in rows])
        row = np.concatenate([np.zeros(0, np.int64), *rows])
        switches = cls(programmes, copies, copy[order], programme[order], row[order])
        most = int(switches.counts.max(initial=0))
        if most > MOST_SWITCHES:
            raise CalibrationError(
                f"household row {copies.record[int(np.argmax(switches.counts))]} has {most} units that may or may not "
                f"take up, expected at most {MOST_SWITCHES}; leave it out of the dataset."
            )
        return switches

    @property
    def counts(self) -> np.ndarray:
        """Switches of every copy."""
        return np.bincount(self.copy, minlength=len(self.copies))

    @property
    def bit(self) -> np.ndarray:
        """Every switch's number within its copy."""
        return np.arange(len(self.copy)) - np.searchsorted(self.copy, self.copy)

    def variants(self) -> tuple[np.ndarray, np.ndarray]:
        """The copy and the pattern of every variant."""
        n_variants = 2**self.counts - 1
        copy = np.repeat(np.arange(len(self.copies)), n_variants)
        return copy, np.arange(len(copy)) - np.repeat(np.cumsum(n_variants) - n_variants, n_variants) + 1

    def turned(self, copies: Copies, parent: np.ndarray, pattern: np.ndarray) -> dict[str, np.ndarray]:
        """Which rows of copies taken from these as `parent`, each in its pattern, are the other way round.

        Bool by copied row of the programme's entity, by programme variable.
        """
        turned = {one.variable: np.zeros(len(copies.rows[one.entity]), dtype=bool) for one in self.programmes}
        copy, switch = self._expand(parent)
        on = (pattern[copy] >> self.bit[switch] & 1).astype(bool)
        for number, programme in enumerate(self.programmes):
            chosen = on & (self.programme[switch] == number)
            entity = programme.entity
            offset = copies.start[entity][copy] - self.copies.start[entity][parent[copy]]
            turned[programme.variable][(self.row[switch] + offset)[chosen]] = True
        return turned

    def choose(
        self, take_up: TakeUp, copy: np.ndarray, household_id: np.ndarray, clone: np.ndarray, state: np.ndarray
    ) -> np.ndarray:
        """For columns that stand for copies, the number of the copy or variant that their draws choose, int64."""
        column, switch = self._expand(copy)
        pattern = np.zeros(len(copy), dtype=np.int64)
        for number, programme in enumerate(self.programmes):
            of_programme = self.programme[switch] == number
            at, row = column[of_programme], self.row[switch[of_programme]]
            takes_up = take_up.takes_up(
                programme,
                self.copies.rows[programme.entity][row],
                household_id[at],
                clone[at],
                self.copies.position_of(programme.entity)[row],
                state[at],
            )
            differs = takes_up != programme.default
            np.add.at(pattern, at[differs], 1 << self.bit[switch[of_programme]][differs])
        n_variants = 2**self.counts - 1
        first = len(self.copies) + np.cumsum(n_variants) - n_variants
        return np.where(pattern == 0, copy, first[copy] + pattern - 1)

    def _expand(self, copy: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """All (position in `copy`, switch) pairs, in order."""
        first = np.searchsorted(self.copy, np.arange(len(self.copies) + 1))
        size = np.diff(first)[copy]
        end = np.cumsum(size)
        position = np.repeat(np.arange(len(copy)), size)
        return position, np.arange(len(position)) + np.repeat(first[copy] - end + size, size)
