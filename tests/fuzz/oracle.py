#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A second reader of safetensors headers, written from the format's description alone, compared with
the library's on generated and mutated files.

    oracle.py DRIVER [COUNT [SEED]]

DRIVER is the program of safetensors.cpp (TG_FUZZ_MAIN). Where the package safetensors is installed
its reader is asked too, and a file that only one of the two takes must match a reason of the list
in explained(). Exit status 1 at the first unexplained difference, which is printed.
"""
import json
import random
import struct
import subprocess
import sys
import time

try:
    from safetensors import SafetensorError, deserialize
except ImportError:
    deserialize = None

OK, LIMIT, FORMAT, UNSUPPORTED = 0, 10, 11, 14
BITS = {'F32': 32, 'F64': 64, 'F16': 16, 'BF16': 16, 'I8': 8, 'I16': 16, 'I32': 32, 'I64': 64, 'U8': 8,
        'BOOL': 8}
FOREIGN = {'U16': 16, 'U32': 32, 'U64': 64, 'C64': 64, 'F8_E4M3': 8, 'F8_E5M2': 8, 'F8_E8M0': 8,
           'F8_E4M3FNUZ': 8, 'F8_E5M2FNUZ': 8, 'F6_E2M3': 6, 'F6_E3M2': 6, 'F4': 4}
WIDTH = {**BITS, **FOREIGN}


# ---- the reader ----

class Refused(Exception):
    pass


def pairs(items):
    names = [name for name, _ in items]
    for name in names:
        text(name)
    if len(set(names)) != len(names):
        raise Refused('a key twice')
    return dict(items)


def text(value):
    if type(value) is not str:
        raise Refused('not a text')
    if '\0' in value:
        raise Refused('a NUL')
    try:
        value.encode()
    except UnicodeEncodeError:
        raise Refused('half of a surrogate pair') from None
    return value


def no_number(_):
    raise Refused('not a whole number')


def whole(digits):
    if not digits.isdigit() or len(digits) > 19 or int(digits) >= 2**63:
        raise Refused('not below 2^63')
    return int(digits)


def numbers(value):
    if type(value) is not list or any(type(n) is not int for n in value):
        raise Refused('not a list of numbers')
    return value


def bits_of(dtype, shape):
    product = 1
    for size in shape:
        product *= size or 1
    if product * WIDTH[dtype] // 8 >= 2**63:
        raise Refused('too large')
    bits = 0 if 0 in shape else product * WIDTH[dtype]
    if bits % 8:
        raise Refused('no whole number of bytes')
    return bits


def read(file):
    """The line that the driver should print, and whether the rank's limit is broken."""
    if len(file) < 8:
        raise Refused('short')
    length, = struct.unpack('<Q', file[:8])
    if length == 0 or length > len(file) - 8:
        raise Refused('length')
    data = len(file) - 8 - length
    try:
        tree = json.loads(file[8:8 + length].decode(), object_pairs_hook=pairs, parse_int=whole,
                          parse_float=no_number, parse_constant=no_number)
    except (ValueError, RecursionError) as error:
        raise Refused(str(error)) from None
    if type(tree) is not dict:
        raise Refused('not an object')
    metadata = tree.pop('__metadata__', {})
    if type(metadata) is not dict:
        raise Refused('metadata')
    words, spans, foreign, limit = [], [], False, False
    for name, entry in tree.items():
        if type(entry) is not dict or set(entry) != {'dtype', 'shape', 'data_offsets'}:
            raise Refused('entry')
        dtype, shape = text(entry['dtype']), numbers(entry['shape'])
        begin, end = numbers(entry['data_offsets']) if len(entry['data_offsets']) == 2 else (1, 0)
        if dtype not in WIDTH or end < begin:
            raise Refused('dtype or offsets')
        if bits_of(dtype, shape) != 8 * (end - begin):
            raise Refused('size')
        spans.append((begin, end))
        foreign |= dtype in FOREIGN
        limit |= len(shape) > 16
        words.append(f"{name.encode().hex()}:{dtype}:{','.join(map(str, shape))}:{begin}:{end}")
    covered = 0
    for begin, end in sorted(spans):
        if begin != covered:
            raise Refused('hole or overlap')
        covered = end
    if covered != data:
        raise Refused('surplus')
    for key, value in metadata.items():
        words.append(f'@{key.encode().hex()}={text(value).encode().hex()}')
    if limit:
        return str(LIMIT)
    return str(UNSUPPORTED) if foreign else ' '.join([str(OK)] + words)


def oracle(file):
    try:
        return read(file)
    except Refused:
        return str(FORMAT)


def agree(ours, expected):
    # A rank above 16 ends our reading at once; another fault behind it is not seen.
    return ours == expected or (ours == str(LIMIT) and expected == str(FORMAT))


# ---- the reference, where it is installed ----

def reference_takes(file):
    try:
        deserialize(bytes(file))
        return True
    except (SafetensorError, ValueError, OverflowError):
        return False


def loose(file):
    """The header's tree as a reader without our extra rules sees it, with the keys met twice."""
    twice = []

    def hook(items):
        if len(dict(items)) != len(items):
            twice.append(True)
        return dict(items)
    length, = struct.unpack('<Q', file[:8])
    return json.loads(file[8:8 + length].decode(), object_pairs_hook=hook), twice


def explained(file, ours):
    """Why the reference takes what we refuse. Nothing explains the other way round."""
    if ours == str(UNSUPPORTED):
        return 'a dtype of the format that we have not'
    tree, twice = loose(file)
    entries = [entry for name, entry in tree.items() if name != '__metadata__']
    if twice:
        return 'the reference takes the last of two equal keys'
    if '\\u0000' in file[8:].decode('latin-1'):
        return 'the reference takes a NUL in a text'
    if '__metadata__' in tree and tree['__metadata__'] is None:
        return 'the reference takes null for no metadata'
    if any(type(entry) is list or type(entry.get('dtype')) is dict for entry in entries):
        return 'the reference takes the second forms of its serializer'
    if any(set(entry) != {'dtype', 'shape', 'data_offsets'} for entry in entries):
        return 'the reference takes further keys'
    if any(len(entry['shape']) > 16 for entry in entries):
        return 'the reference has no limit of rank'
    if any(0 in entry['shape'] for entry in entries):
        return 'the reference stops multiplying at a 0'
    return None


# ---- the files ----

def word(rng, value):
    """A text in quotes, some characters escaped."""
    out = ''
    for c in value:
        way = rng.random()
        if c in '"\\' or ord(c) < 32 or way < 0.05:
            units = c.encode('utf-16-be').hex()
            out += ''.join('\\u' + units[i:i + 4] for i in range(0, len(units), 4))
        else:
            out += c
    return '"' + out + '"'


def blank(rng):
    return rng.choice([' ', '\n', '\t', '\r', '  ']) if rng.random() < 0.03 else ''


def sound_file(rng):
    count = rng.choice([0, 1, 1, 2, 3, 5, 9])
    letters = 'abw.0/\u00e4\u20ac\U0001f600"\\\n %'
    names = {''.join(rng.choices(letters, k=rng.randrange(6))) for _ in range(count)}
    kinds = list(BITS) + (list(FOREIGN) if rng.random() < 0.1 else [])
    entries, end = [], 0
    for name in sorted(names, key=lambda _: rng.random()):
        dtype = rng.choice(kinds)
        shape = [rng.choice([0, 1, 2, 3, 4, 8]) for _ in range(rng.choice([0, 1, 1, 2, 2, 3, 16, 17]))]
        while WIDTH[dtype] < 8 and bits_of_or_none(dtype, shape) is None:
            shape = [8]
        size = bits_of(dtype, shape) // 8
        if size > 2000:
            shape, size = [0], 0
        entries.append((name, dtype, shape, end, end + size))
        end += size
    parts = []
    for name, dtype, shape, begin, stop in sorted(entries, key=lambda _: rng.random()):
        def numbers_text(values):
            return '[' + (blank(rng) + ',' + blank(rng)).join(map(str, values)) + ']'
        fields = [f'"dtype"{blank(rng)}:{word(rng, dtype)}', f'"shape":{numbers_text(shape)}',
                  f'"data_offsets":{numbers_text([begin, stop])}']
        rng.shuffle(fields)
        parts.append(word(rng, name) + ':' + blank(rng) + '{' + (',' + blank(rng)).join(fields) + '}')
    if rng.random() < 0.4:
        keys = {rng.choice('abcdefgh') * rng.randrange(3) for _ in range(rng.randrange(4))}
        body = ','.join(f'{word(rng, key)}:{word(rng, rng.choice(letters))}' for key in sorted(keys))
        parts.insert(rng.randrange(len(parts) + 1), '"__metadata__":{' + body + '}')
    header = blank(rng) + '{' + (blank(rng) + ',').join(parts) + blank(rng) + '}' + ' ' * rng.randrange(9)
    return header.encode(), rng.randbytes(end)


def bits_of_or_none(dtype, shape):
    try:
        return bits_of(dtype, shape)
    except Refused:
        return None


TOKENS = [b'"', b'{', b'}', b'[', b']', b',', b':', b'null', b'true', b'-', b'0', b'1', b'.0', b'e1', b'\\',
          b'\\u0000', b'\\ud800', b'\\udc00', b'\\u0077', b'\x00', b'\xff', b'\xc0\x80', b'\xed\xa0\x80', b'\n',
          b'18446744073709551616', b'9223372036854775807', b'9223372036854775808', b'4294967296,', b'0,', b'1,',
          b'"x":1,', b'"dtype":"F32",', b'"F32"', b'"U16"', b'"F4"', b'"f32"', b'__metadata__', b'"__metadata__":null,',
          b'"__metadata__":{},', b'"":{"dtype":"F32","shape":[0],"data_offsets":[0,0]},', b'{"F32":null}',
          b'1,' * 17, b'//']


def mutated(rng, header, data):
    header = bytearray(header)
    for _ in range(rng.choice([1, 1, 1, 2, 3])):
        at = rng.randrange(len(header) + 1)
        way = rng.randrange(8)
        if way == 0:
            header[at:at] = rng.choice(TOKENS)
        elif way == 1:
            del header[at:at + rng.choice([1, 1, 2, 8, 40])]
        elif way == 2 and at < len(header):
            header[at] = rng.randrange(256)
        elif way == 3:  # a piece again, which makes keys and entries twice
            stop = rng.randrange(at, len(header) + 1)
            header[at:at] = header[at:stop]
        elif way == 4:  # a number changed
            places = [i for i, c in enumerate(header) if 48 <= c <= 57]
            if places:
                header[rng.choice(places)] = rng.randrange(48, 58)
        elif way == 5:  # a token in the place of another
            places = [i for i, c in enumerate(header) if c in b'"{}[],:']
            if places:
                at = rng.choice(places)
                header[at:at + 1] = rng.choice(TOKENS)
        elif way == 6:
            data = data[:-1] if rng.random() < 0.5 else data + b'\0' * rng.choice([1, 4, 8])
        else:
            old, new = rng.choice([(b'"F32"', b'"F16"'), (b'"dtype"', b'"shape"'), (b'"I64"', b'"C64"'),
                                   (b'[', b'[0,'), (b'[', b'[4294967296,4294967296,'), (b',', b',,'),
                                   (b'}', b',}'), (b'"dtype":"U8"', b'"dtype":{"U8":null}')])
            header = header.replace(old, new, rng.choice([1, 1, -1]))
    return bytes(header), data


def one_file(rng):
    header, data = sound_file(rng)
    if rng.random() < 0.75:
        header, data = mutated(rng, header, data)
    length = len(header)
    if rng.random() < 0.03:
        length = rng.choice([0, length + 1, length - 1, 2**63, 2**64 - 8, length + 2**32, 100_000_001])
    return struct.pack('<Q', max(length, 0)) + header + data


def main():
    driver = sys.argv[1]
    count = int(sys.argv[2]) if len(sys.argv) > 2 else 10_000
    seed = int(sys.argv[3]) if len(sys.argv) > 3 else int(time.time())
    print(f'TG_TEST_SEED={seed}')
    rng = random.Random(seed)
    files = [one_file(rng) for _ in range(count)]
    records = b''.join(struct.pack('<I', len(file)) + file for file in files)
    lines = subprocess.run([driver, '--stdin'], input=records, stdout=subprocess.PIPE,
                           check=True).stdout.decode().splitlines()
    if len(lines) != count:
        sys.exit(f'{len(lines)} answers to {count} files')
    tally, reasons = {}, {}
    for number, (file, ours) in enumerate(zip(files, lines)):
        expected = oracle(file)
        if not agree(ours, expected):
            sys.exit(f'file {number}: {file!r}\n  library: {ours}\n  oracle:  {expected}')
        status = int(ours.split()[0])
        tally[status] = tally.get(status, 0) + 1
        if deserialize and reference_takes(file) != (status == OK):
            reason = explained(file, ours) if status != OK else None
            if reason is None:
                sys.exit(f'file {number}: {file!r}\n  library: {ours}\n  the reference differs')
            reasons[reason] = reasons.get(reason, 0) + 1
    # The floor: a generator that makes only refused files, or only sound ones, compares nothing.
    for status in (OK, LIMIT, FORMAT, UNSUPPORTED):
        if tally.get(status, 0) < count // 500:
            sys.exit(f'too few files of status {status}: {tally}')
    print(f'{count} files, statuses {dict(sorted(tally.items()))}, no difference')
    for reason, times in sorted(reasons.items()):
        print(f'  {times} times: {reason}')


if __name__ == '__main__':
    main()
