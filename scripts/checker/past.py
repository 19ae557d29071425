"""What the input says must have happened: one pass over its records, in order, user by user.

This is the checker's whole idea of the pipeline between input and outputs. It knows nothing of
batches, models or the wall clock.
"""
from checker.contract import Bad, decode_event, float32
from checker.fold import Behaviour, item_key


class User:
    def __init__(self):
        self.behaviour = Behaviour()
        self.exists = False   # a request does not make a profile
        self.scorable = []    # (offset, 0) of every event that a slate must cover, in order
        self.answers = set()  # requests of a user who did not exist: a slate of their own, or none


class Trigger:
    """A scorable event, with what was known when it was answered."""
    __slots__ = ("event", "history", "own", "filtered")

    def __init__(self, event, behaviour, positive, keep_own):
        self.event = event
        self.history = [entry for entry in behaviour.history if entry[2] in positive]
        self.own = frozenset(behaviour.own) if keep_own else frozenset()


class Past:
    def __init__(self, records, config, wanted_triggers):
        self.users = {}          # (partition, user) -> User
        self.triggers = {}       # (partition, offset) -> Trigger, of those wanted
        self.refusals = {}       # (partition, offset) -> reasons
        self.examples = {}       # (partition, offset) -> what its learning record must say
        self.counts = {"records": 0, "folded": 0, "duplicates": 0, "refused": 0, "said": 0}
        self._highest = {}       # partition -> event time
        for record in records:
            self._step(record, config, wanted_triggers)

    def _step(self, record, config, wanted):
        self.counts["records"] += 1
        at = (record.partition, record.offset)
        try:
            event = decode_event(record, config)
        except Bad as bad:
            self.refusals[at] = bad.reasons
            self.counts["refused"] += 1
            return
        user = self.users.setdefault((record.partition, event.user), User())
        highest = self._highest.get(record.partition, 0)
        late = highest - event.time > config.lateness_ms
        self._highest[record.partition] = max(highest, event.time)
        teaches = event.type in config.positive | config.negative and event.item is not None
        example = self._example(user, event, config) if teaches and not late else None

        fresh = user.behaviour.fold(event, config)
        if event.type == "request":
            self.counts["said"] += 1
        else:
            user.exists = True
            self.counts["folded" if fresh else "duplicates"] += 1
        if user.exists:
            user.behaviour.applied = record.offset
        if not fresh:
            return
        if example:
            self.examples[at] = example
        if event.type in config.emit_on:
            (user.scorable.append if user.exists else user.answers.add)(record.offset)
            if at in wanted:
                self.triggers[at] = Trigger(event, user.behaviour, config.positive,
                                            config.exclude_seen)

    @staticmethod
    def _graded(event, config):
        if event.type not in config.grades or not event.has_value:
            return 1.0
        none, full = map(float32, config.grades[event.type])
        return min(1.0, max(0.0, float32(float32(event.strength - none) / float32(full - none))))

    @staticmethod
    def _example(user, event, config):
        entries = [entry for entry in user.behaviour.history if entry[2] in config.positive]
        newest = entries[max(0, len(entries) - config.example_history_max):]
        return {
            "item": item_key(event.item),
            "time": event.time,
            "type": event.type,
            "strength": Past._graded(event, config),
            "positive": event.type in config.positive,
            "history length": len(entries),
            "history": [(key, max(0, event.time - time)) for time, key, _, _ in newest],
        }
