"""Words replaced in sentences, with the real tagger: their shape is kept, and what carries meaning is left alone."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from culturechat import survey
from culturechat.errors import BadFile, UsageError
from training.steps import augment, polarity, replace, restate, synonyms, tagged
from training.steps.synonyms import Lexicon, WordNet
from training.steps.tagged import Part

BANK = survey.load()
OWN = """
phrase = [{ word = "look into it", sense = "examine", synonyms = ["examine it"] }]
noun = [
  { word = "child", sense = "young person", synonyms = ["kid"] },
  { word = "job", sense = "work", synonyms = ["occupation"] },
  { word = "opinion", sense = "what one thinks", synonyms = ["view"] },
  { word = "nation", sense = "country", synonyms = ["country"] },
  { word = "work", sense = "a job", synonyms = ["employment"] },
  { word = "trade", sense = "buying and selling", synonyms = ["commerce"] },
  { word = "hour", sense = "time", synonyms = ["moment"] },
]
adjective = [
  { word = "high", sense = "large", synonyms = ["large", "considerable"] },
  { word = "important", sense = "that matters", synonyms = ["significant"] },
  { word = "common", sense = "often met", synonyms = ["usual"] },
]
adverb = [{ word = "quickly", sense = "fast", synonyms = ["swiftly"] }]
verb = [
  { word = "buy", sense = "get for money", synonyms = ["purchase"] },
  { word = "work", sense = "have a job", synonyms = ["labour"] },
  { word = "look after", sense = "care for", synonyms = ["take care of"] },
  { word = "agree", sense = "hold the same", synonyms = ["concur"] },
  { word = "allow", sense = "let", synonyms = ["permit"] },
]
"""


@pytest.fixture
def lexicon(tmp_path: Path) -> Lexicon:
    path = tmp_path / "own.toml"
    path.write_text(OWN, "utf-8")
    return Lexicon(path)


def all_replaced(text: str, lexicon: Lexicon, labels: tuple[str, ...] = ()) -> str:
    """Return the text with the last form of every slot."""
    sentence = tagged.tagged(text)
    slots = replace.slots(sentence, lexicon.places(sentence, ""), labels)
    if not slots:
        return text
    last = [replace.Slot(slot.start, slot.end, slot.forms[-1:]) for slot in slots]
    return next(replace.drafts(sentence, last, 1.0, random.Random(0))).text


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("Do children suffer?", "Do kids suffer?"),
        ("The child's mother bought a house.", "The kid's mother purchased a house."),
        ("She buys it, he is buying it, it was bought.", "She purchases it, he is purchasing it, it was purchased."),
        ("Is a job what she wants?", "Is an occupation what she wants?"),
        ("Is an opinion enough?", "Is a view enough?"),
        ("A job, an hour.", "An occupation, a moment."),
        ("Jobs are rare.", "Occupations are rare."),
        ("He has a higher income.", "He has a more considerable income."),
        ("It is more important to them.", "It is more significant to them."),
        ("They were looking after their parents.", "They were taking care of their parents."),
        ("Who looked after you?", "Who took care of you?"),
        ("We should look into it.", "We should examine it."),
        ("She runs quickly.", "She runs swiftly."),
        ("He has to work and finds work.", "He has to labour and finds employment."),
    ],
)
def test_a_synonym_takes_the_shape_and_the_article_of_what_stood_there(
    before: str, after: str, lexicon: Lexicon
) -> None:
    assert all_replaced(before, lexicon) == after


@pytest.mark.parametrize(
    "text",
    [
        "Do workers trademark networks?",  # only whole words: the reference turned "don't" into "don'trade"
        "Do people become lazy if they do not work?",
        "Do people become lazy if they don't work?",
        "People who never work are lazy.",
        "It is not very common.",
        "This is of no importance and not important.",
        "They cannot buy it.",
        "Is the United Nations a Nation Of Work?",
        "Have you read Children Of Work by Angela Job?",
    ],
)
def test_parts_of_words_negations_and_names_stay_as_they_are(text: str, lexicon: Lexicon) -> None:
    assert all_replaced(text, lexicon) == text


def test_option_labels_stay_as_they_are(lexicon: Lexicon) -> None:
    text = "From 1 (completely agree) to 10 (common sense), do you agree that a job is common?"
    labels = ("Completely agree", "Common sense")
    assert all_replaced(text, lexicon, labels) == (
        "From 1 (completely agree) to 10 (common sense), do you concur that an occupation is usual?"
    )
    assert all_replaced(text, lexicon, (*labels, "Agree", "")).endswith("do you agree that an occupation is usual?")


def test_the_word_behind_a_negation_is_free_again(lexicon: Lexicon) -> None:
    assert all_replaced("Not working is common among children.", lexicon) == "Not working is usual among kids."


def test_each_draft_changes_something_and_says_what(lexicon: Lexicon) -> None:
    text = "Do children buy jobs?"
    sentence = tagged.tagged(text)
    slots = replace.slots(sentence, lexicon.places(sentence, ""))
    drafts = replace.drafts(sentence, slots, 0.4, random.Random(3))
    for draft, _ in zip(drafts, range(30), strict=False):
        assert draft.text != text and draft.changes
        assert all(after in draft.text and before in text for before, after in draft.changes)
    assert list(replace.drafts(sentence, [], 0.5, random.Random(3))) == []


@pytest.mark.parametrize(
    ("lemma", "part", "tag", "form"),
    [
        ("go to school", "verb", "VBD", "went to school"),
        ("be threatened with", "verb", "VBP", "are threatened with"),
        ("bring up", "verb", "VBG", "bringing up"),
        ("point of view", "noun", "NNS", "points of view"),
        ("open position", "noun", "NNS", "open positions"),
        ("good", "adjective", "JJR", "better"),
        ("capable", "adjective", "JJR", "more capable"),
        ("capable", "adjective", "JJS", "most capable"),
        ("swiftly", "adverb", "RB", "swiftly"),
    ],
)
def test_dictionary_forms_are_inflected(lemma: str, part: Part, tag: str, form: str) -> None:
    assert tagged.inflected(lemma, part, tag) == form


@pytest.mark.parametrize(("word", "article"), [("hour", "an"), ("university", "a"), ("honest", "an"), ("one", "a")])
def test_the_article_follows_the_sound(word: str, article: str) -> None:
    assert tagged.article(word) == article


LEADERS = "Are men better political leaders than women?"
FLIPS = [
    ("People become lazy if they do not work.", "People become lazy if they work."),
    ("Do you think immigration fills vacancies?", "Do you think immigration doesn’t fill vacancies?"),
    ("Is science important to you?", "Is science unimportant to you?"),
    ("Is science important to you?", "Is science of no importance to you?"),
    ("The crime rate goes up.", "The crime rate goes down."),
    ("Does immigration increase crime?", "Does immigration reduce crime?"),
    ("Is the counting of votes fair?", "Is the counting of votes unfair?"),
    ("Are rich people right?", "Are poor people right?"),
    ("Should work always come first?", "Should work never come first?"),
    ("Work leaves less free time.", "Work leaves more free time."),
    (LEADERS, "Are women better political leaders than men?"),
    (LEADERS, "Are men worse political leaders than women?"),
    ("Should employers take nationals before immigrants?", "Should employers take immigrants before nationals?"),
    ("Do you trust people?", "Do you distrust people?"),
    ("Can anyone do it with help?", "Can anyone do it without help?"),
    ("Are they equally good?", "Are they unequally good?"),
    ("It strengthens diversity.", "It weakens diversity."),
    ("We rely too much on science.", "We rely too little on science."),
    ("Nobody should be barred.", "Everybody should be barred."),
    ("Are husbands paid more than wives?", "Are wives paid more than husbands?"),
]
SAME = [
    ("Is science unimportant to you?", "Is it true that science does not matter to you?"),
    ("Is science unimportant to you?", "Is science of no importance to you?"),
    (LEADERS, "Do men make better leaders in politics than women?"),
    (LEADERS, "Do women lead less well in politics than men?"),
    ("A couple can be just as good.", "A couple is no worse."),
    ("Is a housewife's life every bit as good as a job?", "Is a housewife's life no less good than a job?"),
    ("Should employers prefer nationals to immigrants?", "Should employers prefer nationals to migrants?"),
    ("Too few jobs are left.", "There are not enough jobs left."),
    ("Does the government watch people?", "Is it true or not that the government watches people?"),
    ("Do they disagree with it?", "Do they disagree with this?"),
]


@pytest.mark.parametrize(("before", "after"), FLIPS)
def test_opposites_negations_and_turned_comparisons_are_flips(before: str, after: str) -> None:
    assert polarity.flipped(before, after)
    assert polarity.flipped(after, before)


@pytest.mark.parametrize(("before", "after"), SAME)
def test_the_same_said_otherwise_is_no_flip(before: str, after: str) -> None:
    assert polarity.flipped(before, after) == ""
    assert polarity.flipped(before, before) == ""


def test_few_of_the_bank_s_own_restatements_look_like_flips() -> None:
    seeds = [question for question in BANK.questions.values() if question.seed]
    pairs = [(one, text) for one in seeds for text in restate.Templates(0).of(one, 5)]
    alarms = [text for one, text in pairs if polarity.flipped(one.question, text, augment.option_texts(one))]
    assert len(pairs) > 350 and len(alarms) / len(pairs) < 0.04, alarms


def test_option_labels_count_for_no_flip() -> None:
    text = "How far do you agree, from 1 (not at all) to 10 (totally)?"
    assert polarity.flipped(text, "To what degree do you agree?", ["Not at all", "Totally"]) == ""


def test_every_entry_of_the_shipped_lexicon_is_used_and_is_no_opposite() -> None:
    lexicon, used = Lexicon(), set()
    for question in BANK.questions.values():
        for text in (question.question, *restate.Templates(0).of(question, 5)) if question.seed else ():
            sentence = tagged.tagged(text)
            kept = replace.protected(sentence, augment.option_texts(question))
            for place in lexicon.places(sentence, question.item):
                if kept.isdisjoint(range(place.first, place.last + 1)):
                    used.add((place.synonyms, question.item))
    entries = [sense for known in lexicon.senses.values() for _, sense in known]
    assert len(entries) > 400
    for sense in entries:
        assert set(sense.items) <= set(BANK.questions), sense.word
        assert sense.word not in sense.synonyms
        assert not polarity.known_opposites(sense.word) & set(sense.synonyms)
        unused = set(sense.items) - {item for synonyms, item in used if synonyms == sense.synonyms}
        assert not sense.synonyms or not sense.items or unused != set(sense.items), sense.word


def test_a_lexicon_with_an_unknown_key_or_no_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "own.toml"
    path.write_text('nouns = [{ word = "a", sense = "b", synonyms = [] }]', "utf-8")
    with pytest.raises(BadFile, match="Did you mean noun"):
        Lexicon(path)
    with pytest.raises(BadFile, match="no such file"):
        Lexicon(tmp_path / "none.toml")


Synset = tuple[tuple[str, int], ...]
"""Words of one meaning, each with how often it was met in that meaning."""

NETWORK: dict[str, tuple[Synset, ...]] = {
    "noun": ((("child", 3), ("kid", 2), ("tyke", 0)), (("job", 5), ("occupation", 1)), (("occupation", 9),)),
    "verb": ((("buy", 4), ("purchase", 4)),),
    "adj": ((("fair", 4), ("just", 2)), (("unfair", 2),)),
    "adv": ((("quickly", 1),),),
}
LETTERS = {"noun": "n", "verb": "v", "adj": "a", "adv": "r"}
ANTONYMS = {"fair": "unfair", "unfair": "fair"}


def dictionary(folder: Path) -> Path:
    """Write a WordNet dictionary of these words, as Debian ships it: without the list of subject fields."""
    folder.mkdir()
    counts = []
    for number, (part, synsets) in enumerate(NETWORK.items(), 1):
        letter = LETTERS[part]
        offsets = dict.fromkeys((synset[0][0] for synset in synsets), 0)
        data_of(synsets, part, offsets)  # finds out where each line stands
        (folder / f"data.{part}").write_text(data_of(synsets, part, offsets))
        places: dict[str, list[tuple[int, int]]] = {}
        for synset in synsets:
            for word, count in synset:
                places.setdefault(word, []).append((count, offsets[synset[0][0]]))
        index = ""
        for word, found in sorted(places.items()):
            at = " ".join(f"{offset:08d}" for _, offset in sorted(found, reverse=True))
            index += f"{word} {letter} {len(found)} 0 {len(found)} 0 {at}  \n"
            counts += [f"{word}%{number}:03:00:: 1 {max(found)[0]}"] if max(found)[0] else []
        (folder / f"index.{part}").write_text(index)
        (folder / f"{part}.exc").write_text("")
    (folder / "cntlist.rev").write_text("\n".join(sorted(counts)) + "\n")
    return folder


def data_of(synsets: tuple[Synset, ...], part: str, offsets: dict[str, int]) -> str:
    """Return the text of a data file, and set `offsets` to where the first word's line of each synset begins."""
    text = ""
    for synset in synsets:
        first = synset[0][0]
        offsets[first] = len(text)
        words = " ".join(f"{word} 0" for word, _ in synset)
        other = ANTONYMS.get(first)
        pointer = f"001 ! {offsets[other]:08d} {LETTERS[part]} 0101" if other else "000"
        frames = " 01 + 08 00" if part == "verb" else ""
        text += f"{offsets[first]:08d} 03 {LETTERS[part]} {len(synset):02x} {words} {pointer}{frames} | a meaning  \n"
    return text


def test_wordnet_exchanges_words_that_mean_the_same_above_all(tmp_path: Path) -> None:
    network = WordNet(dictionary(tmp_path / "wordnet"))
    sentence = tagged.tagged("Do children buy fair jobs quickly?")
    found = {sentence.words[place.first].text: place.synonyms for place in network.places(sentence, "")}
    assert found == {"children": ("kid",), "buy": ("purchase",), "fair": ("just",)}
    assert "unfair" in network.opposites("fair")


@pytest.mark.skipif(not synonyms.DEBIAN.is_dir(), reason="wordnet-base is not installed")
def test_wordnet_is_found_where_debian_puts_it() -> None:
    sentence = tagged.tagged("Do children buy cars?")
    assert WordNet().places(sentence, "")


def test_no_wordnet_says_where_to_get_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(synonyms, "DEBIAN", tmp_path / "none")
    monkeypatch.setattr("nltk.data.path", [str(tmp_path)])
    with pytest.raises(UsageError, match="apt install wordnet-base"):
        WordNet()
    with pytest.raises(BadFile, match="is no WordNet dictionary"):
        WordNet(tmp_path)
