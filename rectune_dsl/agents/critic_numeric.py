"""The Critic: asks the same questions of every proposal, takes the diverse few, and says why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from rectune_dsl.agents import words
from rectune_dsl.agents.acquisition import Batch, Worth, novelty, spread
from rectune_dsl.agents.belief import guardrail_risks, predictions, told_chance
from rectune_dsl.agents.differences import Differences
from rectune_dsl.agents.past import Failure, error_of_u, failures, tested_configs
from rectune_dsl.agents.region import distance
from rectune_dsl.agents.safety import Mending, Safety
from rectune_dsl.agents.validity import step, validity
from rectune_dsl.dsl.space import Space
from rectune_dsl.hooks.api import AgentContext, Check, Config, Proposal, Review
from rectune_dsl.surrogate.limits import Z90

HEDGED = 0.4
"""Share of the arms that go to hedges, where there are any."""
NEAR_FAILURE = 0.03
"""Distance, as a share of a param's range, below which a config repeats a failure."""
NEAR_PRODUCTION = 0.005
"""The same distance from production: small first steps are allowed where larger ones are too risky."""


class NumericCritic:
    """Refuses what is invalid, too risky, hopeless, known to fail or a duplicate; of the rest it takes at
    most `budget.arms`, the one that adds most first."""

    name = "numeric"

    def review(self, context: AgentContext, proposals: Sequence[Proposal]) -> Sequence[Review]:
        case = Case(context)
        alone = {p.name: case.checks(p) for p in proposals}
        sound = [p for p in proposals if all(check.passed for check in alone[p.name])]
        return case.select(proposals, sound, alone)


class Case:
    """One round's questions: what they need is computed once."""

    def __init__(self, context: AgentContext) -> None:
        self._context = context
        self._task = context.task
        self._space = Space(context.task)
        self._failures = failures(context.task, context.history)
        self._differences = Differences(context.task, context.whatif)
        self._safety = Safety(context.task, context.surrogate)
        self._floor = self._safety.floor

    def checks(self, proposal: Proposal) -> tuple[Check, ...]:
        """The questions about the proposal itself. An invalid one is asked nothing further."""
        valid = validity(self._task, self._space, proposal.config)
        if not valid.passed:
            return (valid,)
        config = proposal.config
        return (
            valid,
            step(self._task, self._space, config),
            self._risk(config),
            self._alignment(config),
            self._signs(proposal),
            self._information(config),
            self._known_failures(config),
            self._against_production(config),
        )

    def select(
        self,
        proposals: Sequence[Proposal],
        sound: Sequence[Proposal],
        checks: Mapping[str, tuple[Check, ...]],
        preferred: Sequence[str] = (),
    ) -> list[Review]:
        """Greedy by what each adds, times how new it is; `preferred` names come first, in their order.
        Reviews in the order of the proposals."""
        places = {name: -place for place, name in enumerate(preferred, 1)}
        behind = -len(places) - 1
        taken: list[Proposal] = []
        final = dict(checks)
        left = dict(enumerate(sound))
        batch = self._worth(sound)
        while left and len(taken) < self._context.budget.arms:
            gains, asked = batch.gains(), self._asked(left, taken)
            order = {i: places.get(left[i].name, behind) for i in asked}
            best = max(asked, key=lambda i: (order[i], gains[i] * self._novelty(left[i], taken)))
            proposal = left.pop(best)
            diverse = self._diversity(proposal, taken)
            final[proposal.name] = (*final[proposal.name], diverse)
            if diverse.passed:
                taken.append(proposal)
                batch.take(best)
        for proposal in left.values():
            final[proposal.name] = (*final[proposal.name], self._diversity(proposal, taken))
        names = [p.name for p in taken]
        return [self._review(p, names, final[p.name]) for p in proposals]

    def _asked(self, left: dict[int, Proposal], taken: Sequence[Proposal]) -> list[int]:
        """Who may come next: hedges alone, when only their share of the arms is left."""
        hedges = [i for i, proposal in left.items() if proposal.hedge]
        arms = self._context.budget.arms
        owed = min(round(HEDGED * arms) - sum(p.hedge for p in taken), len(hedges))
        return hedges if owed > 0 and arms - len(taken) <= owed else list(left)

    def _worth(self, proposals: Sequence[Proposal]) -> Worth:
        surrogate, configs = self._context.surrogate, [p.config for p in proposals]
        if configs and not (surrogate.p_feasible(configs) >= self._floor).any():
            return Mending(self._safety, configs)
        tested = tested_configs(self._context.history)
        return Batch(surrogate, configs, tested, self._context.rng, self._floor)

    def _risk(self, config: Config) -> Check:
        risks = guardrail_risks(self._context, config)
        if not risks:
            return Check("risk", True, "the task has no guardrails")
        p = float(self._context.surrogate.p_feasible([config])[0])
        holds, needed = told_chance(self._context, p), words.chance(self._floor)
        detail = f"all guardrails hold with {holds}, {needed} are needed; the weakest: {risks[0]}"
        if len(risks) > 1:
            others = (f"{risk.metric} {words.chance(1.0 - risk.p_holds)}" for risk in risks[1:])
            detail += f"; P(violated) of the others: {', '.join(others)}"
        if p >= self._floor or not self._safety.broken:
            return Check("risk", p >= self._floor, detail)
        mends = bool(self._safety.mending([config])[0] >= 0)
        how = "likelier than production to mend it" if mends else "no likelier than production to mend it"
        return Check("risk", mends, f"{self._safety}; this is {how}: {detail}")

    def _alignment(self, config: Config) -> Check:
        mean, sd = (float(x[0]) for x in self._context.surrogate.objective([config]))
        low, high = mean - Z90 * sd, mean + Z90 * sd
        detail = f"U is expected at {words.interval(mean, low, high)}"
        if high <= 0:
            return Check("goal", False, f"{detail}: even its upper end is no gain")
        return Check("goal", True, f"{detail}: a gain is possible")

    def _signs(self, proposal: Proposal) -> Check:
        """Whether what the hypothesis expects of metrics has the signs that the model is sure of."""
        known = {p.metric: p for p in predictions(self._task, self._context.surrogate, proposal.config)}
        sure = {m: p for m, p in known.items() if p.low > 0 or p.high < 0}
        told = [p for p in proposal.hypothesis.predictions if p.metric in sure]
        wrong = [p for p in told if p.lift * sure[p.metric].lift < 0]
        if wrong:
            parts = (f"{words.lift(sure[p.metric])}, not {words.percent(p.lift)}" for p in wrong)
            return Check("mechanics", False, f"what was learnt says {words.listed(parts)}")
        if not told:
            return Check("mechanics", True, "whether the signs that it predicts are right is not known yet")
        metrics = words.listed(p.metric for p in told)
        return Check("mechanics", True, f"its signs agree with what was learnt of {metrics}")

    def _information(self, config: Config) -> Check:
        """What its arm would tell about its own U: half the logarithm of signal and noise over noise, in bits
        (MacKay, Information Theory, Inference, and Learning Algorithms, section 11.3)."""
        error = error_of_u(self._task, self._context.history)
        sd = float(self._context.surrogate.objective([config])[1][0])
        if not error:
            return Check("information", True, f"U is known to ±{sd * 100:.2f} %; no arm was measured yet")
        bits = 0.5 * float(np.log2(1.0 + (sd / error) ** 2))
        known = f"which is known to ±{sd * 100:.2f} %, and which an arm measures to ±{error * 100:.2f} %"
        detail = f"its arm would tell {bits:.2f} bits of U, {known}"
        return Check("information", True, detail)

    def _known_failures(self, config: Config) -> Check:
        if not self._failures:
            return Check("failures", True, "no arm is known to fail")
        point = self._space.to_unit(config.values)

        def gap(failure: Failure) -> float:
            return distance(point, self._space.to_unit(failure.config.values))

        nearest = min(self._failures, key=gap)
        differences = self._differences.words(config, nearest.config, nearest.arm)
        detail = f"{differences}; {nearest.arm} {nearest.why.rstrip('.')}"
        return Check("failures", gap(nearest) >= NEAR_FAILURE, detail)

    def _against_production(self, config: Config) -> Check:
        production = Config(self._task.production)
        same = self._differences.same(config, production, NEAR_PRODUCTION)
        detail = self._differences.words(config, production, "production")
        return Check("change", not same, f"shows the same as production: {detail}" if same else detail)

    def _diversity(self, proposal: Proposal, taken: Sequence[Proposal]) -> Check:
        if not taken:
            return Check("diversity", True, "the first to be taken")
        nearest = min(taken, key=lambda other: self._differences.gap(proposal.config, other.config))
        same = self._differences.same(proposal.config, nearest.config)
        detail = self._differences.words(proposal.config, nearest.config, nearest.name)
        return Check("diversity", not same, f"a duplicate of {nearest.name}: {detail}" if same else detail)

    def _novelty(self, proposal: Proposal, taken: Sequence[Proposal]) -> float:
        """0 for what is taken already, towards 1 with distance."""
        point = self._space.to_unit(proposal.config.values)
        gaps = [spread(point, self._space.to_unit(other.config.values)) for other in taken]
        return float(novelty(np.array(min(gaps, default=np.inf))))

    def _review(self, proposal: Proposal, taken: Sequence[str], checks: tuple[Check, ...]) -> Review:
        failed = [check for check in checks if not check.passed]
        said = {check.name: check.detail for check in checks}
        if failed:
            why = f"Refused: {'; '.join(f'{c.name}: {c.detail}' for c in failed)}."
            return Review(proposal.name, False, checks, why)
        if proposal.name not in taken:
            budget = words.count(self._context.budget.arms, "arm")
            others = f"the budget is {budget} and {words.listed(taken)} add more"
            why = f"Refused: sound ({said['goal']}), but {others}."
            return Review(proposal.name, False, checks, why)
        place = taken.index(proposal.name) + 1
        reasons = ("goal", "risk", "mechanics", "information", "failures", "diversity")
        why = f"Taken as choice {place}: {'; '.join(said[name] for name in reasons)}."
        return Review(proposal.name, True, checks, why)
