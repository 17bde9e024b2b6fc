"""What a reader of a report must know: how the figures were made, what they do not say, whom to cite."""

from __future__ import annotations

METHOD = (
    "Each question is put to the model under its own chat template, with the culture's system prompt and the options "
    "listed under marks (A, B, C …). The probabilities of the marks as the first thing the model would answer are read "
    "from its output layer and divided by their sum, the option mass. Under the style “words” options have no mark and "
    "the probability of writing an option's whole label is read instead; a label that another one begins with counts "
    "only where the model does not go on to the other. Nothing is sampled and no text is interpreted. "
    "Weights in a format that is slow on a CPU are computed from a Q8_0 copy; the SHA-256 below is that of the file as "
    "installed.",
    "The question is put in several orders of its options, and, where asked for, under several kinds of marks and in "
    "several wordings. The model's distribution is the plain mean over all of these readings.",
    "JSD is the Jensen-Shannon divergence in bits: half of KL(p‖m) + KL(q‖m), where m is the mean of the two "
    "distributions; 0 is equal, 1 is nothing in common. WD is the Wasserstein-1 distance over options in scale order, "
    "Σ|CDF p − CDF q| / (options − 1): 0 is equal, 1 is all answers at opposite ends. Options without an order have "
    "no WD.",
    "Controls: uniform gives every option the same share; others pooled is the mean of the people of all other "
    "cultures, which is what knowing the survey but not the culture would score; the noise floor is the mean distance "
    "of two random halves of the same respondents, simulated from their shares and number. Where the number of "
    "valid answers is not published, that of interviews is taken, and the floor is a little too low.",
    "Intervals are 95 % bootstrap percentile intervals of 2,000 resamples. Each resample draws, within every question, "
    "whole pairs of an option order and its reverse, and wordings, with replacement, and then draws questions with "
    "replacement, the same ones for model and controls. Kinds of marks are a fixed design. The resampled distances of "
    "a question are moved to have its own distance as their mean, as noise only ever adds to a distance. With a "
    "single pair of orders and a single wording the interval is over questions alone.",
    "Position bias is the probability of what stands at a place less that option's own mean over all readings. Label "
    "bias is the same by mark, less the position bias of the places where the mark stood; it needs two kinds of marks.",
    "Correlation is Pearson's r over questions of the model's and the people's mean position on the scale; beyond "
    "others is the same after subtracting the mean position of the other cultures' people from both.",
    "The nearest people are those with the smallest mean WD over the questions that all of the peoples were asked. The "
    "map is classical multidimensional scaling of the roots of the mean JSD over the same questions; ellipses are 95 % "
    "regions from 500 resamples of questions, each map turned onto the first.",
)

LIMITS = (
    "Survey shares describe the answers of people who were interviewed in a country and year. They are not what “they” "
    "think, and a culture is more than one or two countries.",
    "The model's figures describe how its probabilities fall on given options. They are no opinions, and what it says "
    "in open conversation may differ.",
    "The wordings are this project's own, not the survey's sentences; part of any distance may come from that.",
    "A model that was trained on the same survey figures is not tested by them; its card says which questions it saw.",
    "Intervals cover the choice of questions, orders and wordings. They do not cover other prompts, other models or "
    "the sampling and non-response of the survey.",
)

CITATION = (
    "Haerpfer, C., Inglehart, R., Moreno, A., Welzel, C., Kizilova, K., Diez-Medrano J., Lagos, M., Norris, P., "
    "Ponarin, E. & Puranen B. (eds.): World Values Survey: Round Seven – Country-Pooled Datafile. JD Systems Institute "
    "& WVSA Secretariat. doi:10.14281/18241.20"
)
