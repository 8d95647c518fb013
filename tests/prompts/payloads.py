"""What attackers write into templates and send with them: for tests of every door."""

import json

INSIDES = [
    "{{ ''.__class__.__mro__[1].__subclasses__() }}",
    "{{ ''.__class__.__base__.__subclasses__() }}",
    "{{ ''.__class__.mro() }}",
    "{{ [].__class__.__base__.__subclasses__()[40]('/etc/passwd').read() }}",
    "{{ {}.__class__.__bases__[0] }}",
    "{{ ().__class__.__bases__[0].__subclasses__() }}",
    "{{ (1).__class__ }}",
    "{{ 1.0.__class__ }}",
    "{{ true.__class__ }}",
    "{{ none.__class__ }}",
    "{{ name.__class__ }}",
    "{{ name['__class__'] }}",
    "{{ name['__cla' ~ 'ss__'] }}",
    "{{ name['__cla' + 'ss__'] }}",
    "{{ name['__ssalc__'[::-1]] }}",
    "{{ name[['__cl', 'ass__']|join] }}",
    "{{ name['__CLASS__'|lower] }}",
    "{{ name['__%s__' % 'class'] }}",
    "{{ name['__%s__'|format('class')] }}",
    "{{ name['\\x5f\\x5fclass\\x5f\\x5f'] }}",
    "{{ name['\\u005f\\u005fclass\\u005f\\u005f'] }}",
    "{{ name['\\137\\137class\\137\\137'] }}",
    "{{ name['\\N{LOW LINE}_class__'] }}",
    "{{ name['aa__class__'.removeprefix('aa')] }}",
    "{{ name['__class__'|e] }}",
    "{{ [name]|map(attribute='__class__')|list }}",
    "{{ [name]|map(attribute='__class__.__mro__')|list }}",
    "{{ [name]|map(attribute='0.__class__')|list }}",
    "{{ [name]|sort(attribute='__class__') }}",
    "{{ [name]|groupby('__class__') }}",
    "{{ [name]|groupby('__class__', default=1)|list }}",
    "{{ [name]|selectattr('__class__')|list }}",
    "{{ [name]|rejectattr('__class__')|list }}",
    "{{ [name]|unique(attribute='__class__')|list }}",
    "{{ [name]|min(attribute='__class__') }}",
    "{{ '{0.__class__}'.format(name) }}",
    "{{ '{a.__class__}'.format(a=name) }}",
    "{{ '{0.__class__}'.format_map(agent) }}",
    "{{ ('{0.__class__}'|e).format(name) }}",
    "{{ (['{0.__class__}']|map(attribute='format')|first)(name) }}",
    "{{ '{0.__class__}'['format'](name) }}",
    "{{ cycler.__init__.__globals__.os.popen('id').read() }}",
    "{{ cycler('a').__init__ }}",
    "{{ cycler('a').__dict__ }}",
    "{{ joiner.__init__.__globals__ }}",
    "{{ joiner(',').__class__ }}",
    "{{ namespace.__init__.__globals__ }}",
    "{{ namespace(a=1).__class__ }}",
    "{{ namespace(a=1)._Namespace__attrs }}",
    "{{ dict.__base__ }}",
    "{{ dict.fromkeys(['a']) }}",
    "{{ dict.mro() }}",
    "{{ range.__self__ }}",
    "{{ range.__globals__ }}",
    "{{ range(3).__class__ }}",
    "{{ self.__init__.__globals__ }}",
    "{{ self._TemplateReference__context }}",
    "{{ self['_TemplateReference__context'] }}",
    "{{ self.__class__.__init__.__builtins__ }}",
    "{% for x in [1] %}{{ loop.__class__ }}{% endfor %}",
    "{% for x in [1] %}{{ loop._iterator }}{% endfor %}",
    "{% for x in [1] %}{{ loop._recurse }}{% endfor %}",
    "{% for x in [1] %}{{ loop.cycle.__func__ }}{% endfor %}",
    "{% macro m() %}{% endmacro %}{{ m.__globals__ }}",
    "{% macro m() %}{% endmacro %}{{ m._func }}",
    "{% macro m() %}{% endmacro %}{{ m._environment }}",
    "{% macro m() %}{{ caller._func }}{% endmacro %}{% call m() %}{% endcall %}",
    "{% macro m() %}{{ varargs.__class__ }}{{ kwargs.__class__ }}{% endmacro %}{{ m() }}",
    "{{ ([1]|map('string')).gi_frame }}",
    "{{ ([1]|map('string')).gi_code }}",
    "{{ ([1]|select).ag_frame }}",
    "{{ ([1]|batch(1)).cr_frame }}",
    "{{ ([1]|select).throw }}",
    "{{ ''.join.__self__ }}",
    "{{ ''.upper.__func__ }}",
    "{{ name.encode() }}",
    "{{ name.translate({97: 'b'}) }}",
    "{{ name.maketrans('a', 'b') }}",
    "{{ name.expandtabs(9999) }}",
    "{{ (5).to_bytes(9, 'big') }}",
    "{{ (5).from_bytes }}",
    "{{ xs.append(1) }}",
    "{{ xs.sort() }}",
    "{{ xs.clear() }}",
    "{{ agent.update({'a': 1}) }}",
    "{{ agent.pop('title') }}",
    "{{ agent.setdefault('a', 1) }}",
    "{{ missing.__class__ }}",
    "{{ (missing|default(name)).__class__ }}",
    "{{ (1 if false)._undefined_name }}",
]  # fmt: skip
"""Ways from a value to Python's insides."""

OUTSIDE = [
    "{{ name|attr('__class__') }}",
    "{{ [name]|map('attr', '__class__')|list }}",
    "{{ lipsum() }}",
    "{{ lipsum.__globals__ }}",
    "{{ config }}",
    "{{ request.application.__globals__ }}",
    "{{ get_flashed_messages.__globals__ }}",
    "{{ url_for.__globals__ }}",
    "{{ settings.SECRET_KEY }}",
    "{{ _context }}",
    "{{ environment }}",
    "{{ context.environment }}",
    "{{ __builtins__ }}",
    "{{ __import__('os') }}",
    "{{ open('/etc/passwd').read() }}",
    "{{ getattr(name, '__class__') }}",
    "{{ eval('1') }}",
    "{{ xs|random }}",
    "{{ name|pprint }}",
    "{{ name|xmlattr }}",
    "{{ (-9999999)|_pay }}",
    "{{ [-9999999]|map('_pay')|list }}",
    "{{ [-9999999]|select('_toll')|list }}",
    "{% filter _concat %}a{% endfilter %}",
    "{{ name|_weigh }}",
    "{% import 'os' as os %}{{ os.popen('id') }}",
    "{% include '/etc/passwd' %}",
    "{% include '../../settings.py' %}",
    "{% extends 'base.html' %}",
    "{% from 'os' import popen %}",
    "{% do xs.append(1) %}",
    "{% debug %}",
    "{% python %}import os{% endpython %}",
    "{{ await(1) }}",
    "{{ lambda: 1 }}",
]
"""Names, filters, tags and files that are not there."""

ADDRESSES = [
    "{{ name.upper }}",
    "{{ [name.upper] }}",
    "{{ name.upper|string }}",
    "{{ name.upper ~ '' }}",
    "{{ '%s' % name.upper }}",
    "{{ '%s'|format(range) }}",
    "{{ [range]|join }}",
    "{{ range }}",
    "{{ dict }}",
    "{{ cycler('a') }}",
    "{{ self }}",
    "{% for x in [1] %}{{ loop }}{% endfor %}",
    "{{ namespace(a=1) }}",
]
"""What would be written out as where it lies in memory."""

_NS = "{% set n = namespace(x='ab') %}{% for i in range(60) %}"
_LONG = "('a' * 9999 * 19)"
_OBJECTS = "{% set n0 = 'x' %}" + "".join(
    f"{{% set n{i + 1} = namespace(a=[n{i}, n{i}]) %}}" for i in range(40)
)
_VIEWS = "{% set n0 = 'x' %}" + "".join(
    f"{{% set n{i + 1} = dict(a=n{i}, b=n{i}).items() %}}" for i in range(40)
)
_SAME = "{% set s = " + _LONG + " %}{{ range(9999)|map(attribute='x', default=s)|"
_TWO_LISTS = "{% set a, b = [0.5] * 9999 * 9, [0.5] * 9999 * 9 %}"

BOMBS = {
    "power": "{{ (9 ** 999) ** 999 }}",
    "tower": "{{ 9 ** (9 ** (9 ** 9)) }}",
    "text times": "{{ 'a' * 1000000000 }}",
    "text times 10**9": "{{ 'a' * 10 ** 9 }}",
    "list times": "{{ [0] * 100000000 }}",
    "range": "{{ range(1000000000)|list }}",
    "range 10**9": "{% for i in range(10 ** 9) %}{% endfor %}",
    "nested loops": "{% for a in range(9999) %}{% for b in range(9999) %}x{% endfor %}{% endfor %}",
    "loops without turns": (
        "{% for a in range(9999) %}{% for b in range(9999) if false %}{% endfor %}{% endfor %}"
    ),
    "selecting nothing": (
        "{% for a in range(9999) %}{{ range(9999)|select('none')|list }}{% endfor %}"
    ),
    "recursion": "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}",
    "mutual recursion": (
        "{% macro f() %}{{ g() }}{% endmacro %}{% macro g() %}{{ f() }}{% endmacro %}{{ f() }}"
    ),
    "recursive caller": (
        "{% macro f() %}{{ caller() }}{% endmacro %}"
        "{% macro g() %}{% call f() %}{{ g() }}{% endcall %}{% endmacro %}{{ g() }}"
    ),
    "recursive loop": "{% for x in xs recursive %}{{ loop(xs) }}{% endfor %}",
    "doubling by ~": _NS + "{% set n.x = n.x ~ n.x %}{% endfor %}",
    "doubling by +": _NS + "{% set n.x = n.x + n.x %}{% endfor %}",
    "doubling lists": _NS + "{% set n.x = [n.x, n.x] %}{% endfor %}{{ n.x }}",
    "doubling tuples": _NS + "{% set n.x = (n.x, n.x) %}{% endfor %}{{ n.x == 1 }}",
    "doubling dicts": _NS + "{% set n.x = dict(a=n.x, b=n.x) %}{% endfor %}{{ n.x }}",
    "doubling by join": _NS + "{% set n.x = [n.x, n.x]|join %}{% endfor %}",
    "doubling by replace": _NS + "{% set n.x = n.x|replace('a', 'aaaa') %}{% endfor %}",
    "doubling by method": _NS + "{% set n.x = n.x.replace('a', 'aaaa') %}{% endfor %}",
    "doubling by escape": _NS + "{% set n.x = (n.x ~ '&')|string|e ~ n.x %}{% endfor %}",
    "doubling views": _VIEWS + "{{ n40 }}",
    "doubling views as text": _VIEWS + "{{ n40|string|length }}",
    "center": "{{ 'a'|center(1000000000) }}",
    "ljust": "{{ 'a'.ljust(1000000000) }}",
    "zfill": "{{ 'a'.zfill(width=1000000000) }}",
    "printf": "{{ '%1000000000d' % 1 }}",
    "printf filter": "{{ '%1000000000d'|format(1) }}",
    "printf star": "{{ '%*d' % (1000000000, 1) }}",
    "printf by name": "{{ '%(a)1000000000d' % {'a': 1} }}",
    "printf filter by name": "{{ '%(a)1000000000d'|format(a=1) }}",
    "printf in brackets": "{{ '%((a))1000000000d' % {'(a)': 1} }}",
    "printf precision": "{{ '%.1000000000f' % 1.5 }}",
    "printf again and again": "{% set s = " + _LONG + " %}{{ '%(a)s' * 190 % {'a': s} }}",
    "round": "{{ 1.5|round(1000000000) }}",
    "indent": "{{ 'x'|indent(1000000000, true) }}",
    "indent of JSON": "{{ ([0] * 9999 * 9)|tojson(indent=9999) }}",
    "depth of JSON": (
        "{% set n = namespace(x=[0] * 9999) %}{% for i in range(90) %}{% set n.x = [n.x] %}"
        "{% endfor %}{{ n.x|tojson(indent=16) }}"
    ),
    "batch": "{{ [1]|batch(1000000000, 0)|list }}",
    "slice": "{{ [1]|slice(1000000000)|list }}",
    "join": "{{ (['a'] * 9999)|join('b' * 9999) }}",
    "join with a list": "{{ (['a'] * 9999)|join([" + _LONG + "]) }}",
    "join method": "{{ ('a' * 9999).join('b' * 9999) }}",
    "replace by a list": "{{ ('a' * 9999)|replace('a', [" + _LONG + "]) }}",
    "sum of lists": "{{ ([[1] * 9000] * 1000)|sum(start=[]) }}",
    "tags stripped one by one": "{{ ('<>' * 9999 * 9)|striptags }}",
    "comments stripped one by one": "{{ ('<!---->' * 9999 * 2)|striptags }}",
    "a word cut letter by letter": "{{ " + _LONG + "|wordwrap(1) }}",
    "the same default, sorted": _SAME + "sort|length }}",
    "the same default, mapped": _SAME + "map('upper')|list|length }}",
    "the same default, joined": _SAME + "join|length }}",
    "the same default, unique": _SAME + "unique|list|length }}",
    "a path without end": "{{ (['0'] * 9999)|map(attribute='0.' * 9999 ~ '0')|list }}",
    "slices kept": (
        "{% set s = " + _LONG + " %}{% set n = namespace(x=0) %}{% for i in range(9999) %}"
        "{% set n.x = namespace(x=n.x, s=s[1:]) %}{% endfor %}"
    ),
    "copies kept": (
        "{% set s = " + _LONG + " %}{% set n = namespace(x=0) %}{% for i in range(9999) %}"
        "{% set n.x = namespace(x=n.x, s=s.upper()) %}{% endfor %}"
    ),
    "counting": (
        "{% set s = " + _LONG + " %}{% for i in range(9999) %}{% if s.count('a') %}{% endif %}"
        "{% endfor %}"
    ),
    "searching": (
        "{% set s = " + _LONG + " %}{% for i in range(9999) %}{% if 'b' in s %}{% endif %}"
        "{% endfor %}"
    ),
    "comparing": _TWO_LISTS + "{% if a == b %}{% endif %}" * 99,
    "testing": _TWO_LISTS + "{% if a is eq b %}{% endif %}" * 99,
    "testing by name": _TWO_LISTS + "{% if 1 is in(seq=a) %}{% endif %}" * 99,
    "asking of each": _TWO_LISTS + "{{ range(9999)|select('in', a)|list }}",
    "asking of each by name": _TWO_LISTS + "{{ range(9999)|select('in', seq=a)|list }}",
    "captured text": "{% set y %}{% for i in range(9999) %}"
    + "x" * 50_000
    + "{% endfor %}{% endset %}",
    "captured value": "{% set y %}{% for i in range(9999) %}{{ big }}{% endfor %}{% endset %}",
    "output": "{{ big }}{{ big }}{{ big }}{{ big }}{{ big }}",
    "brackets": "{{ " + "(" * 3000 + "1" + ")" * 3000 + " }}",
    "blocks": "{% if 1 %}" * 3000 + "{% endif %}" * 3000,
    "signs": "{{ " + "-" * 30_000 + "1 }}",
    "sums": "{{ 1" + "+1" * 30_000 + " }}",
    "joined": "{{ 1" + "~1" * 30_000 + " }}",
    "compared": "{{ 1" + "<1" * 30_000 + " }}",
    "dots": "{{ x" + ".x" * 30_000 + " }}",
    "piped": "{{ x" + "|e" * 30_000 + " }}",
    "many outputs": "{{1}}" * 12_000,
    "many ifs": "{%if 1%}{%endif%}" * 3_700,
    "many macros": "{%macro a()%}{%endmacro%}" * 2_500,
    "a long number": "{{ " + "9" * 6_000 + " }}",
    "a long hexadecimal number": "{{ 0x" + "f" * 60_000 + " }}",
}  # fmt: skip
"""Templates that ask for more than the machine has."""

NESTED = {
    "not": ("{% if " + "not " * 180 + "a %}x{% endif %}") * 50,
    "and": ("{% if " + "a and " * 180 + "a %}x{% endif %}") * 30,
    "dots": ("{% if a" + ".a" * 180 + " %}x{% endif %}") * 30,
}
"""Templates that are read at once, unless each level is gone through again for the next."""

TAME = {"objects": _OBJECTS + "{{ n40|string|length }}"}
"""Templates that would be bombs if each level of nesting were written out."""


def _numbers_alike(count: int) -> str:
    return json.dumps([[k * (2**61 - 1), 0] for k in range(1, count)])


# As JSON text: much of it no client library would send.
INPUTS = {
    "deep lists": "[" * 50_000 + "]" * 50_000,
    "deep objects": '{"a":' * 50_000 + "1" + "}" * 50_000,
    "rather deep": "[" * 30 + "]" * 30,
    "NaN": "NaN",
    "Infinity": "[1, -Infinity]",
    "half a pair": '"\\ud800"',
    "half a pair as a name": '{"\\udfff": 1}',
    "a long number": "9" * 5_000,
}
"""Values of a variable that are refused whatever the template is."""

HEAVY = {
    "a big number": ("9" * 4_000, "{{ x }}"),
    "a long text": (json.dumps("z" * 900_000), "{{ x|upper }}"),
    "many items": (json.dumps([0] * 300_000), "{{ x|join }}"),
    "numbers alike": (_numbers_alike(30_000), "{{ dict(x)|length }}"),
    "numbers alike in a namespace": (_numbers_alike(30_000), "{% set n = namespace(x) %}"),
}
"""Values that are too much for a template that works with them, and that template."""
