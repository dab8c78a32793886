"""Every code a diagnostic can have, and why the rule is there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from rectune_dsl.dsl.diagnostics import Severity


@dataclass(frozen=True)
class Rule:
    """`title` says what the rule finds, `why` what goes wrong without it."""

    title: str
    why: str
    severity: Severity = "error"


def _warning(title: str, why: str) -> Rule:
    return Rule(title, why, "warning")


RULES: Mapping[str, Rule] = {
    # RT0: the file
    "RT001": Rule("file is not UTF-8", "TOML is UTF-8; any other reading would guess at names."),
    "RT002": Rule("file is not TOML", "Nothing of a file that cannot be read is trusted."),
    "RT003": Rule("language version is missing or unknown", "Another version may mean other things."),
    "RT004": Rule("base file cannot be read", "A task is checked whole, with everything it extends."),
    "RT005": Rule("file is too large for a task", "Nobody could read it; it is likely another file."),
    "RT006": Rule("file cannot be read", "What cannot be read cannot be checked."),
    # RT1: keys, types, names
    "RT101": Rule("unknown key", "A misspelt key would be ignored without a word."),
    "RT102": Rule("missing key", "There is no default that would be right for everybody."),
    "RT103": Rule("wrong type", "Nothing is converted: a quoted number may be a mistake."),
    "RT104": Rule("not one of the allowed values", "Only these have a meaning."),
    "RT105": Rule("value out of range", "Outside the range the value means nothing."),
    "RT106": Rule("name of the wrong shape", "Formulas, files and stores must be able to write the name."),
    "RT107": Rule("signal's domain is empty", "Proofs about scores hold between its ends."),
    "RT108": Rule("signal names an unknown stage", "The signal would be provided nowhere."),
    "RT109": Rule("name has two meanings", "A formula must read the same for everybody."),
    "RT110": _warning("signal is not used", "It costs a computation for every candidate."),
    "RT111": Rule("keys of a table do not fit together", "Only one reading of the table may be possible."),
    "RT112": Rule("key of an earlier draft or of another tool", "Only today's key means anything."),
    # RT2: formulas
    "RT201": Rule("formula cannot be read", "Formulas are a closed language; see the list of functions."),
    "RT202": Rule("unknown name in a formula", "A name that means nothing cannot be computed."),
    "RT203": Rule("name is not available in this stage", "Each stage has its own signals and params."),
    "RT204": Rule("terms are circular", "A term cannot be computed from itself."),
    "RT205": _warning("term is not used", "It reads as if it mattered."),
    "RT206": Rule("rank or zscore of what is equal for all candidates", "It would be the same for everyone."),
    "RT207": Rule("score is not finite", "Infinity and NaN cannot be ranked. Shown by a point."),
    "RT208": Rule("contract on a signal the stage does not have", "There is nothing to hold it to."),
    "RT209": Rule("contract does not hold", "Some config would break it. Shown by a point."),
    "RT210": _warning("score is equal for all candidates", "The stage would keep candidates at random."),
    "RT211": Rule(
        "score is not shown to be finite",
        "What passes is proved, over all configs and signals. Keep logarithms, quotients and powers away "
        "from 0 where they stand: `log(p + 0.01)`, `p / (q + 0.01)`, `clip(p, 0.001, 0.999)`.",
    ),
    "RT212": Rule(
        "contract is not shown to hold",
        "What passes is proved, over all configs and signals. Let what depends on the signal stand together, "
        "take common factors out of `where`, and write an ordered `curve` where branches meet.",
    ),
    "RT213": Rule("plugin function without declared behaviour", "Nothing can be proved of what calls it."),
    "RT214": Rule("a vector and a number are mixed up", "Vectors belong into curve(...), numbers elsewhere."),
    "RT215": Rule("curve's points do not fit", "Knots are constants that rise, with one value for each."),
    "RT216": _warning("boost multiplies what may be negative", "A factor above 1 would then punish."),
    "RT217": Rule("filter that no candidate passes", "The stage would have nothing to pass on."),
    "RT218": _warning("filter that every candidate passes", "It reads as if it kept something out."),
    "RT219": Rule("formula grows too large", "Nobody could read it, and nothing could be proved of it."),
    # RT3: params, search space, constraints
    "RT301": Rule("param's bounds are empty", "There is nothing to search between them."),
    "RT302": Rule("production lies outside the bounds", "The search starts at production."),
    "RT303": Rule("log scale needs positive bounds", "Zero and below have no logarithm."),
    "RT304": Rule("int param has a fraction", "Only whole numbers can be served."),
    "RT305": Rule("keep could fall below 1", "A stage that keeps nothing ends the funnel."),
    "RT306": Rule("a stage keeps more than the one before", "It cannot keep what it is not given."),
    "RT307": Rule("param is not used", "Tuning it would only spend traffic."),
    "RT308": Rule("nothing to tune", "A campaign needs at least one param with bounds."),
    "RT309": Rule("constraint is not a comparison of params", "It must hold or not hold for a config."),
    "RT310": Rule("production breaks a constraint", "The search starts at production."),
    "RT311": Rule("constraints leave no config", "There is nothing to search. Proved over the whole bounds."),
    "RT312": Rule("diversity penalty reads more than params", "It costs every item with the key the same."),
    "RT313": _warning("diversity has no effect", "It needs a penalty, or a max_per_key below keep."),
    "RT314": _warning("param changes no order", "Tuning it would only spend traffic."),
    "RT315": _warning("diversity penalty may be negative", "It would reward repetition."),
    "RT316": _warning("constraint always holds", "It reads as if it kept something out. Found by sampling."),
    "RT317": _warning("params are redundant together", "Configs that differ would serve the same slates."),
    "RT318": Rule("vector's bounds do not fit", "They need its length, and its order where it has one."),
    "RT320": Rule("constraints leave next to no room", "Only production was found: nothing can be proposed."),
    # RT4: metrics, guardrails
    "RT401": Rule("no north star", "Without a goal no config is better than another."),
    "RT402": Rule("guardrail cannot be read", "A limit is a direction and a number."),
    "RT403": Rule("numerator and denominator do not fit the kind", "Ratios need both, others neither."),
    "RT404": Rule("guardrail on a misspelt metric", "It would wait for a metric nobody measures."),
    "RT405": Rule("production breaks a guardrail", "A lift of zero must be allowed, or nothing can ship."),
    "RT406": _warning("guardrail against the goal", "It limits how far the metric may improve."),
    "RT407": _warning("weight without a goal", "Only north stars are weighted."),
    "RT408": Rule("covariate is measured in the experiment", "Adjusting for it would remove the effect."),
    "RT409": Rule("guardrail that always or never holds", "It would guard nothing, or forbid everything."),
    "RT410": _warning("absolute limit with a sign", "A forgotten % would void the guardrail."),
    "RT411": _warning("guardrail without a margin", "It holds only where an improvement is proved."),
    "RT412": _warning("metric matures late", "Until then it is inconclusive, and nothing can ship."),
    "RT413": Rule("keys do not fit the metric's kind", "Each of them means something for one kind only."),
    "RT414": Rule(
        "quantile where its noise would have to be known jointly",
        "Sums over users tell how means vary together. How a quantile varies is known of it alone.",
    ),
    "RT415": Rule("winsorised column has another reader", "Its cap would change that metric, too."),
    # RT5: experiment, agents, backend
    "RT501": Rule("more arms than the limits allow", "No experiment could be launched."),
    "RT502": Rule("unknown backend", "Nobody registered it."),
    "RT503": Rule("unknown agent", "Nobody registered it."),
    "RT504": Rule("replay without a log", "The replay backend needs a [replay] table."),
    "RT505": Rule("step keeps every param at production", "There is nothing left to search."),
    "RT506": _warning("step leaves a param no room", "It would count as tuned, and could not move."),
    "RT507": Rule("unknown executor", "Nobody registered it."),
    "RT508": Rule("unknown world", "It is neither bundled nor a file."),
    "RT509": Rule("freeze ends before it begins", "No day would be frozen."),
    "RT510": _warning("freezes overlap", "One of their days is likely a slip."),
    "RT511": _warning("no experiment fits between freezes", "The campaign would wait out the days between."),
    "RT512": Rule("exclusion leaves no users", "Nobody could take part."),
    "RT513": Rule("ramp's steps do not rise", "Each look that shows no harm serves more users."),
    "RT514": Rule("more users than may be served on a day", "No experiment could be served in full."),
    "RT515": Rule("unknown provider of language models", "Nobody registered it."),
    "RT516": Rule("cap that forbids every call", "A call is made only if the longest answer fits the caps."),
    "RT517": Rule("replay of answers without a cassette", "There is no file they could come from."),
    "RT518": Rule("slates do not fit the log's columns", "A choice is compared with the wrong propensity."),
    "RT519": Rule("unknown delivery", "Nobody registered it."),
    "RT520": Rule("settings of an unknown plugin", "Nobody would read them."),
    "RT521": Rule("setting that its plugin does not take", "Nothing could be launched with it."),
    "RT522": Rule("unknown skill", "The campaign would begin with nothing, and learn for nobody."),
    # RT6: segments, sources
    "RT601": Rule(
        "segment is not one of users or requests", "A segment is told apart before candidates are."
    ),
    "RT602": Rule(
        "segment overrides nothing", "Only what a stage has, in the same shape, can be overridden."
    ),
    "RT603": Rule("guardrail on a segment of requests", "Metrics are measured per user."),
    "RT604": _warning("segment changes nothing", "It reads as if it mattered."),
    "RT605": Rule("quotas do not fit the slate", "They could not be kept together."),
    "RT606": Rule("pinned slot cannot be served", "It is beyond the slate, or promised twice."),
    "RT607": _warning("quota without effect", "It reads as if it mattered."),
    # RT9: preflight, which asks the backend
    "RT901": Rule("metric the backend does not measure", "Its guardrail could never be shown to hold."),
    "RT902": Rule("signal or key the backend does not provide", "The formulas could not be computed."),
    "RT903": _warning("too little power", "The traffic is unlikely to show what the task asks for."),
    "RT904": Rule("not enough users", "Arms must be disjoint, and the confirmation needs fresh users."),
    "RT905": _warning(
        "production does not keep a guardrail", "Only configs that mend it could ship, and few arms are safe."
    ),
    "RT906": Rule("unit the backend does not randomise", "Intervals would be those of another experiment."),
    "RT907": Rule(
        "metric the backend cannot winsorise", "The cap comes from production's users, before the experiment."
    ),
    "RT908": Rule("file of [llm] that cannot be read", "Without it no answer could be replayed or priced."),
    "RT909": Rule("cap in dollars without a price", "What costs nobody knows how much keeps no cap."),
    "RT910": _warning("caps that end before the campaign", "Agents go on without a model from there."),
    "RT911": _warning("model that cannot be asked now", "Numeric agents take over where no model answers."),
}
