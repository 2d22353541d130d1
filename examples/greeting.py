"""The smallest flow: join two texts, keep the outcome as a file and the run as a record."""

from lume_dsl import DBResult, LumeFlow, TextFile, db_result, file_result, parameter, task


@task
def append_text(text1: str, text2: str) -> str:
    return text1 + text2


class Greeting(LumeFlow):
    """Join two texts, keep the outcome as a file and the run as a record."""

    text1: str = parameter(help="the left part")
    text2: str = parameter(default=" you", help="the right part")
    filename: str = parameter(default="greeting.txt", help="where the text is saved")

    text = append_text(text1, text2)
    text_file: TextFile = file_result(text, filename=filename)
    record: DBResult = db_result(text=text)
