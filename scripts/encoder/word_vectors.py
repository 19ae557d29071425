"""Word vectors from a file of word2vec, GloVe or fastText.

    text     a word and its numbers a line, one space between two. word2vec and fastText (.vec) say
             in a line before how many words and how many numbers each; GloVe does not
    binary   word2vec's: that line; then of each word its bytes, a space, its numbers as
             little-endian float32

Either also gzipped; which one it is, the first bytes tell. A file may be larger than memory: it is
read once, and only what is asked for is kept.
"""
import array
import gzip
import math
import re
import sys
import unicodedata
import zlib

DIM_MAX = 4096  # of a modality, see items.vectors
HEAD_BYTES = 65536
CHUNK_BYTES = 1 << 20
WORD_BYTES_MAX = 4096

# What else people have lying beside it.
FOREIGN = {
    b"PK\x03\x04": "is a zip archive: unpack it first",
    (793712314).to_bytes(4, "little"): "is a fastText model, not its vectors: take the .vec file",
}


class BadFile(Exception):
    """What is wrong with a file, and where."""


class WordVectors:
    """Those of a file that were asked for."""

    def __init__(self, dim):
        self.dim = dim
        self.vectors = {}  # folded word -> array of float32
        self.count = 0     # words in the file
        self.not_utf8 = []  # places of words that are not


def fold(word):
    """A word as the model has it, but for what few lists of words have: of vowel points, which
    the model leaves out, and of invisible characters, a word is not found."""
    if word.isascii():
        return word.lower()
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", word).casefold())


def read(path, wanted, progress):
    """WordVectors of the folded words in `wanted`. Of several spellings of a word (Heat, HEAT) the
    folded one counts, else the first: files have what is frequent first.

    Raises BadFile."""
    with open(path, "rb") as raw:
        try:
            magic = raw.read(4)
            raw.seek(0)
            if magic in FOREIGN:
                raise BadFile(FOREIGN[magic])
            packed = magic.startswith(b"\x1f\x8b")
            size = path.stat().st_size
            return collect(gzip.GzipFile(fileobj=raw) if packed else raw, wanted,
                           lambda: progress.advance(path.name, raw, size))
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            raise BadFile(f"cannot be unpacked: {error}") from error
        finally:
            progress.clear()


def collect(file, wanted, advance):
    dim, entries, parse = layout(file)
    found = WordVectors(dim)
    for place, name, numbers in entries:
        advance()
        found.count += 1
        try:
            spelling = name.decode("utf8")
        except UnicodeDecodeError:
            found.not_utf8.append(place)  # word2vec's own tool cuts long words inside a character
            continue
        word = fold(spelling)
        if word in wanted and (spelling == word or word not in found.vectors):
            found.vectors[word] = checked(place, numbers, parse)
    return found


def layout(file):
    """(dim, entries, how an entry's numbers are read), from the file's beginning."""
    head = file.read(HEAD_BYTES)
    file.seek(0)
    header = re.match(rb"(\d{1,12}) (\d{1,12}) *\r?\n", head)
    if not header:
        dim = dim_of(head.split(b"\n", 1)[0])
        return dim, text_entries(file, dim, 1, None), text_numbers
    count, dim = map(int, header.groups())
    if not 1 <= dim <= DIM_MAX:
        raise BadFile(f"line 1: {dim} numbers a word; fovea takes 1 to {DIM_MAX}")
    file.seek(header.end())
    if is_binary(head[header.end():], dim):
        return dim, binary_entries(file, dim, count), binary_numbers
    return dim, text_entries(file, dim, 2, count), text_numbers


def is_binary(body, dim):
    first_line = body.split(b"\n", 1)[0].rstrip(b" \r")
    if all(map(is_number, first_line.split(b" ")[-dim:])):
        return False
    # Text at fault has none of these; of the bytes of float32 numbers every tenth is one.
    return re.search(rb"[\x00-\x08\x0e-\x1f]", body) is not None


def dim_of(line):
    """Of the first line of a file that does not say it."""
    numbers = line.rstrip(b" \r").split(b" ")[1:]
    if not numbers or not all(map(is_number, numbers)):
        raise BadFile("line 1: neither how many words and numbers there are nor a word and its numbers")
    if len(numbers) > DIM_MAX:
        raise BadFile(f"line 1: {len(numbers)} numbers a word; fovea takes 1 to {DIM_MAX}")
    return len(numbers)


def is_number(text):
    try:
        float(text)
    except ValueError:
        return False
    return True


def text_entries(file, dim, first_line, count):
    """(place, word, its numbers as they are), a line each."""
    words = 0
    for number, line in enumerate(file, first_line):
        line = line.rstrip(b" \r\n")  # fastText ends a line with a space
        if not line:
            continue
        words += 1
        spaces = line.count(b" ")
        if spaces < dim or spaces > dim and is_number(line.split(b" ", 2)[1]):
            raise BadFile(f"line {number}: {spaces} numbers after the word, not {dim}")
        word, _, numbers = line.partition(b" ")
        if spaces > dim:
            word = line.rsplit(b" ", dim)[0]  # GloVe has words with spaces, and no item has
        yield f"line {number}", word, numbers
    if count is not None and words < count:
        raise BadFile(f"ends after {words} of the {count} words that line 1 announces")


def text_numbers(numbers):
    return array.array("f", map(float, numbers.split(b" ")))


def binary_entries(file, dim, count):
    """(place, word, its numbers as they are)."""
    size = 4 * dim
    buffer, at = b"", 0
    for number in range(1, count + 1):
        space = buffer.find(b" ", at)
        while space < 0 or len(buffer) < space + 1 + size:
            if space < 0 and len(buffer) - at > WORD_BYTES_MAX:
                raise BadFile(f"word {number} of {count} has no end")
            more = file.read(CHUNK_BYTES)
            if not more:
                raise BadFile(f"ends in word {number} of the {count} that line 1 announces")
            buffer, at = buffer[at:] + more, 0
            space = buffer.find(b" ")
        yield f"word {number}", buffer[at:space].lstrip(b"\n"), buffer[space + 1:space + 1 + size]
        at = space + 1 + size


def binary_numbers(numbers):
    values = array.array("f", numbers)
    if sys.byteorder == "big":
        values.byteswap()
    return values


def checked(place, numbers, parse):
    try:
        values = parse(numbers)
    except ValueError as error:
        raise BadFile(f"{place}: {error}") from error
    if not all(map(math.isfinite, values)):
        raise BadFile(f"{place}: a number is not finite")
    return values
