"""Flows with flows in them."""

from __future__ import annotations

from lume_dsl import (
    DBResult,
    LumeFlow,
    TextFile,
    db_result,
    file_result,
    flow,
    parameter,
    result,
    step,
    task,
    unmapped,
)


@task
def append_text(text1: str, text2: str) -> str:
    if text2 == "fail":
        raise ValueError("no such text")
    return text1 + text2


@task
def upper(text: str) -> str:
    return text.upper()


@task
def joined(texts: list[str]) -> str:
    return "|".join(texts)


@task
def lengths_of(texts: list[str]) -> list[int]:
    return [len(text) for text in texts]


@flow(name="greeting of one", project="letters")
class Greeting(LumeFlow):
    text1: str = parameter(max_length=10)
    text2: str = " you"

    text = append_text(text1, text2)
    text_file: TextFile = file_result(text, filename="{flow_name}-{text1}{text2}.txt")
    record: DBResult = db_result(text=text, upper=upper(text))

    @step
    def told(self, text: str) -> str:
        self.logger.info("telling %s", text)
        return f"{self.text1}/{self.text2}/{text}"


class Welcome(LumeFlow):
    name: str = "Ada"

    hello = Greeting(text1="hello ", text2=name)
    bye = Greeting(text1="bye ", text2=hello.text2)
    both = append_text(hello.text, bye.told)
    record: DBResult = db_result(both=both)


class Town(LumeFlow):
    names: list[str] = ["Ada", "Bob"]
    part: str = "dear "

    welcome = Welcome(name="Eve")
    letters = Greeting.map(text1=unmapped(part), text2=names)
    told = joined([letter.told for letter in letters])
    sizes = lengths_of([letter.text for letter in letters])
    loud = upper.map([letter.text for letter in letters])
    contents = joined([letter.text_file.filename for letter in [welcome.hello]])
    last = upper(letters[-1].text)
    files: list[str] = result([welcome.hello.text])
