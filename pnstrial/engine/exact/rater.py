"""What does a rating say of patients of whom only the chance of each true grade is known?

Input: `engine.model.Model`, the entries of the patients, their probabilities by state.
Output: the same by category of the rating, with whether the parts of the endpoint hold and what is decided on.
Protocol section: scales, endpoint, decision.
Method: the rating kernel, with the deviation of the rating before where it repeats; scores of other scales by their
chance given the true grade.
Next: `patient`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pnstrial.engine.kernels import layout as at

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from pnstrial.engine.exact.chain import States
    from pnstrial.engine.model import Model

__all__ = ["Rater"]


class Rater:
    """Rate patients, who stand as (entry, deviation, last category, IVIg, state).

    Parameters
    ----------
    model : Model
    entries : ndarray of int, shape (entries, 3)
        True and rated baseline, start.
    states : States
    lasts : int
        Places of the category of the last rating; 1 where it is not kept.
    """

    def __init__(self, model: Model, entries: NDArray[np.int64], states: States, lasts: int) -> None:
        k = model.grades
        self.model, self.entries, self.states, self.lasts = model, entries, states, lasts
        # a rating is at most so many grades off: a repeated deviation only shrinks at the ends of the scale
        rated_as, grade = np.nonzero(model.rating.kernel[:k, :k].T)
        self.off = int(np.abs(rated_as - grade).max()) if model.rating.persistence > 0 else 0
        self.deviations = 2 * self.off + 1
        self.category = model.categories[entries[:, 1], 1 : k + 1]  # of a rating, by entry
        self.joined = int(model.whole[at.JOINED])
        self.decides_apart = int(model.whole[at.DECIDES]) > 0
        self.repeated: NDArray[np.float64] | None = None
        self.by_visit: dict[int, NDArray[np.float64]] = {}

    def kinds(self, *, decides: bool) -> int:
        """Count the kinds of ratings that `together` tells apart."""
        return 18 if decides and self.decides_apart else 6 if self.joined else 3

    def rated(self, X: NDArray[np.float64]) -> NDArray[np.float64]:
        """Rate everybody: (entry, deviation, last, IVIg, state) -> the same by category of the rating (3 in front)."""
        return self._rated_as(X, self.category, 3)

    def _rated_as(self, X: NDArray[np.float64], labels: NDArray[np.int64], count: int) -> NDArray[np.float64]:
        """Rate everybody, by the labels that the ratings of each entry have; the category is the rest by 3."""
        k = self.model.grades
        kernel = self.model.rating.kernel[:k, :k]
        out = np.zeros((count, *X.shape))
        grades = self.states.grade[self.states.alive_in]
        if self.deviations == 1:
            # chance of each label, by entry and true grade; the category of the last rating is forgotten
            constant = X.sum(axis=2)[:, 0][..., self.states.alive_in]
            for label in range(count):
                chance = (labels == label).astype(float) @ kernel.T
                last = label % 3 if self.lasts > 1 else 0
                out[label, :, 0, last][..., self.states.alive_in] = constant * chance[:, None, grades]
            return out
        if self.repeated is None:
            self.repeated = np.zeros((self.states.width, self.deviations, self.deviations))
            self.repeated[self.states.alive_in] = self._repeated()[grades]
        # the chance of the next deviation does not ask for the entry: the label that it has there does
        mass = X.sum(axis=2).transpose(3, 0, 2, 1)  # state, entry, IVIg, deviation
        moved = (mass.reshape(len(mass), -1, self.deviations) @ self.repeated).reshape(mass.shape)
        moved = np.ascontiguousarray(moved.transpose(1, 3, 2, 0))
        rating = np.minimum(self.states.grade, k - 1) + np.arange(self.deviations)[:, None] - self.off
        label_of = labels[:, np.clip(rating, 0, k - 1)][:, :, None]  # entry, deviation, IVIg, state
        for label in range(count):
            last = label % 3 if self.lasts > 1 else 0
            np.multiply(moved, label_of == label, out=out[label, :, :, last])
        return out

    def together(self, X: NDArray[np.float64], v: int, *, decides: bool) -> NDArray[np.float64]:
        """Rate everybody at a visit, as `rated`: by category, 3 more where all parts of the endpoint hold together.

        At a decision on something else than the endpoint's category 6 times the category that is decided on stand
        above that.
        """
        if self.kinds(decides=decides) == 3:
            return self.rated(X)
        asked, k = self.model.asked, self.model.grades
        own = asked.holds[self.entries[:, 1], 1 : k + 1] if self.joined else np.zeros_like(self.category)
        rated = self.on_own_scale(X, own, decides=decides)
        # the parts on the own scale are known by the rating, the others by their chance
        also = [1 - asked.also, asked.also] if self.joined else [np.ones_like(asked.also)]
        if asked.codes is not None:
            also = [asked.codes[v, :, :, code] for code in range(4)]
        return self.joined_with(rated, also, 0, decides=decides)

    def shares(self, v: int) -> NDArray[np.float64]:
        """Give the chance of each kind of rating where nothing is decided, by entry, deviation before and state."""
        if v not in self.by_visit:
            one = np.zeros((len(self.entries), self.deviations, self.lasts, 3, self.states.width))
            found: list[NDArray[np.float64]] = []
            for deviation in range(self.deviations):
                one[:] = 0.0
                one[:, deviation, 0, 0] = self.states.alive_in
                found.append(self.together(one, v, decides=False).sum(axis=(2, 3, 4)))
            self.by_visit[v] = np.stack(found, axis=2)
        return self.by_visit[v]

    def on_own_scale(
        self, X: NDArray[np.float64], own: NDArray[np.int64], *, decides: bool
    ) -> NDArray[np.float64]:
        """Rate everybody: by category, 3 more where `own` (by entry and rated grade) is 1, 6 times what is decided."""
        k, count = self.model.grades, self.kinds(decides=decides)
        on_own = count > 6 and self.model.whole[at.DECIDES] == 1
        decided = self.model.decided[self.entries[:, 1], 1 : k + 1] if on_own else 0
        labels = self.category + 3 * own + 6 * decided
        rated = np.zeros((count, *X.shape))
        used = 18 if on_own else 6 if self.joined else 3
        rated[:used] = self._rated_as(X, labels, used)
        return rated

    def joined_with(
        self, rated: NDArray[np.float64], also: Sequence[NDArray[np.float64]], bit: int, *, decides: bool
    ) -> NDArray[np.float64]:
        """Join what is rated on the own scale with a bit of the codes of the others, whose chances are given."""
        moved = np.zeros_like(rated)
        for code, chance in enumerate(also):
            here, holds_too = self._by_state(chance), code >> bit & 1
            for kind in np.flatnonzero(rated.any(axis=tuple(range(1, rated.ndim)))).tolist():
                above, holds, category = kind // 6, kind // 3 % 2, kind % 3
                holds = (holds & holds_too if self.joined == 1 else holds | holds_too) if self.joined else 0
                both = rated[kind] * here
                for decided, share in self._decided_by(code, above, decides=decides):
                    moved[6 * decided + 3 * holds + category] += both * share
        return moved

    def _by_state(self, chance: NDArray[np.float64]) -> NDArray[np.float64]:
        """Give a chance by start and true grade at the rating the shape of those who are rated."""
        grades = np.minimum(self.states.grade, self.model.grades - 1)
        return chance[self.entries[:, 2]][:, grades][:, None, None, None, :]

    def _decided_by(
        self, code: int, above: int, *, decides: bool
    ) -> list[tuple[int, NDArray[np.float64] | float]]:
        """Give the categories that are decided on, each with its share, where the parts have a code."""
        shares = self.model.asked.decided
        if not (decides and self.decides_apart) or shares is None:
            return [(above, 1.0)]
        own = shares[:, :, code if shares.shape[2] > 1 else 0]
        return [(category, self._by_state(own[..., category])) for category in range(3)]

    def _repeated(self) -> NDArray[np.float64]:
        """Give the chance of the next deviation, by true grade and deviation before."""
        k, persistence = self.model.grades, self.model.rating.persistence
        grades, before = np.arange(k)[:, None], np.arange(self.deviations)
        chances = np.repeat(
            (1 - persistence) * self.model.rating.kernel[:k, None, :k], self.deviations, axis=1
        )
        chances[grades, before, np.clip(grades + before - self.off, 0, k - 1)] += persistence
        g, d, r = np.nonzero(chances)
        made = np.zeros((k, self.deviations, self.deviations))
        made[g, d, r - g + self.off] = chances[g, d, r]  # each rating has a deviation of its own
        return made
