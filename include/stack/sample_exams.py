"""The exams at which the attempts of a sample are made: names, editions, questions and options, the same on every machine."""

import random
import uuid
from dataclasses import dataclass

# Attempts by exam: few popular ones, a long tail, and ties where the ten most and the ten least common are cut off.
EXAMS = {
    "Gardening with Graphs": 241,
    "Bread Baking for Backend Developers": 163,
    "Sailing the Event Stream": 119,
    "Knots, Trees and Other Data Structures": 84,
    "Statistics at the Kitchen Table": 73,
    "Introduction to Beekeeping": 61,
    "Einführung in Datenströme": 52,
    "Queues Without Tears": 44,
    "Bicycle Repair, Explained": 38,
    "Letterpress Layout": 31,
    "Clocks & Calendars": 31,
    "Кэши и очереди": 31,
    "Reading Maps": 27,
    "データ工学入門": 24,
    "Crème de la CRUD": 21,
    'The "Quoted" Exam': 18,
    "Bird Song Recognition": 15,
    "Tea, Time and Time Zones": 13,
    "C:\\Paths\\and\\Escapes": 11,
    "Mosaic Patterns": 9,
    "Lighthouse Keeping": 8,
    "Weather for Walkers": 8,
    "Night Skies 🌌": 7,
    "Soup": 6,
    "Kites": 5,
    "Origami for Parsers": 5,
    "Sundials": 4,
    "Compost": 4,
    "Stamps/Seals": 3,
    "Sealing Wax": 3,
    "Rope Making": 3,
    "Canal Locks": 3,
    "Nothing at All": 2,
    "Whistling": 2,
    "Hedge Mazes": 2,
    "Paper Boats": 1,
    "Shadow Puppets": 1,
    "Tin Cans and String": 1,
    "Echo": 1,
}
MOST = "Gardening with Graphs"
COMMON = {name for name, times in EXAMS.items() if times > 40}  # one attempt more or less breaks no tie among these
TWO_IDS = "Reading Maps"  # one name, two exams
LENGTHS = {4: 50, 5: 29, 3: 8, 7: 5, 6: 4, 8: 2, 1: 2, 2: 1, 10: 1}  # questions per exam and how common that is, in percent
LONG_EXAM = "Lighthouse Keeping"  # the one with twenty questions, in which options are marked `"correct": false` too


@dataclass(frozen=True)
class Question:
    id: str
    options: tuple[str, ...]
    correct: frozenset[str]


@dataclass(frozen=True)
class Exam:
    name: str
    id: str
    sequence: str
    questions: tuple[Question, ...]


class Ids:
    """Ids made of a seeded generator: of the same text always the same ones."""

    def __init__(self, seed: str) -> None:
        self.random = random.Random(seed)

    def uuid(self) -> str:
        return str(uuid.UUID(int=self.random.getrandbits(128), version=4))


def exam(name: str, edition: int = 1) -> Exam:
    ids = Ids(f"exam {name} {edition}")
    length = 20 if name == LONG_EXAM else ids.random.choices([*LENGTHS], [*LENGTHS.values()])[0]
    return Exam(name, ids.uuid(), ids.uuid(), tuple(_question(ids) for _ in range(length)))


def _question(ids: Ids) -> Question:
    options = tuple(ids.uuid() for _ in range(ids.random.choice([2, 4, 4, 4, 5, 6])))
    correct = ids.random.sample(options, min(len(options) - 1, ids.random.choice([1, 1, 1, 2, 3])))
    return Question(ids.uuid(), options, frozenset(correct))


def editions(name: str, times: int) -> list[Exam]:
    """The exam of each of so many attempts; of one name there are two editions."""
    first, second = exam(name), exam(name, edition=2)
    return [second if name == TWO_IDS and number % 4 == 0 else first for number in range(times)]
