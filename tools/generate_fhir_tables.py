#!/usr/bin/env python3
"""Turns HL7's FHIR R4 definitions into the C++ tables that src/codec/fhir/tables.h declares.

Usage: generate_fhir_tables.py DEFINITIONS_FOLDER OUTPUT.cpp
Python's standard library only. The same input gives the same output, byte for byte.
"""
import gzip
import json
import os
import re
import sys
import unicodedata

PRIMITIVES = ['boolean', 'integer', 'positiveInt', 'unsignedInt', 'decimal', 'string', 'markdown', 'code', 'id', 'uri', 'url',
              'canonical', 'oid', 'uuid', 'date', 'dateTime', 'instant', 'time', 'base64Binary', 'xhtml']
SEARCH_KINDS = ['token', 'reference', 'string', 'date', 'quantity', 'number', 'uri', 'composite', 'special']
SHAPE_BASE, ANY_RESOURCE, NOTHING = 32, 31, 0xFFFF
MANY, CHOICE, SUMMARY, MODIFIER, BARE, MANDATORY = 1, 2, 4, 8, 16, 32
IS_RESOURCE, IS_EXTENSION, IS_REFERENCE = 1, 2, 4
END, KEY, WHERE_EQUALS, WHERE_TYPE, ITEM = 0, 1, 2, 3, 4
IS_TRUTH = 1
SEARCH_URL = 'http://hl7.org/fhir/SearchParameter/'
SYSTEM = 'http://hl7.org/fhirpath/System.'
# Search parameters that are examples or belong to extensions, not to a base server (definitions/fhir-r4/README.md).
NOT_BASE = ('example', 'codesystem-ext', 'device-ext', 'observation-gen', 'patient-ext', 'valueset-ext', 'questionnaireresponse-ext',
            'diagnosticreport-gen')
MASK = (1 << 64) - 1


def load(folder, name):
    with gzip.open(os.path.join(folder, name + '.ndjson.gz'), 'rt', encoding='utf-8') as lines:
        return [json.loads(line) for line in lines]


def key_hash(key):
    raw = key.encode()
    n = len(raw)
    a = b = 0
    if n >= 8:
        a, b = int.from_bytes(raw[:8], 'little'), int.from_bytes(raw[-8:], 'little')
    elif n >= 4:
        a, b = int.from_bytes(raw[:4], 'little'), int.from_bytes(raw[-4:], 'little')
    elif n > 0:
        a = raw[0] | raw[n // 2] << 8 | raw[n - 1] << 16
    return (a ^ (b * 0x9E3779B97F4A7C15 & MASK) ^ n) & MASK


def find_slots(keys):
    """A seed and a table size for which no two keys share a slot; deterministic."""
    hashes = [key_hash(key) for key in keys]
    assert len(set(hashes)) == len(hashes), 'two keys with one hash: ' + ' '.join(keys)
    bits = max(1, (len(keys) * 2 - 1).bit_length())
    while True:
        state = 1
        for _ in range(3000):
            state = (state * 6364136223846793005 + 1442695040888963407) & MASK
            seed = state | 1
            taken = {(h * seed & MASK) >> (64 - bits) for h in hashes}
            if len(taken) == len(hashes):
                slots = [NOTHING] * (1 << bits)
                for i, h in enumerate(hashes):
                    slots[(h * seed & MASK) >> (64 - bits)] = i
                return seed, bits, slots
        bits += 1


class Names:
    def __init__(self):
        self.index = {}
        self.list = []

    def __call__(self, text):
        if text not in self.index:
            self.index[text] = len(self.list)
            self.list.append(text)
        return self.index[text]


class Property:
    def __init__(self, key, type_name, element, flags, targets):
        self.key, self.type_name, self.element, self.flags, self.targets = key, type_name, element, flags, targets


class Shape:
    def __init__(self, name, flags):
        self.name, self.flags = name, flags
        self.properties, self.elements, self.required = [], [], 0

    def choice(self, element):
        """The properties of an element named as in an expression: `value` for value[x]."""
        names = (element, element + '[x]')
        return [p for p in self.properties if self.elements[p.element] in names]


class Model:
    def __init__(self, folder):
        self.names = Names()
        definitions = load(folder, 'StructureDefinition-types') + load(folder, 'StructureDefinition-resources')
        definitions = [d for d in definitions if d.get('derivation') != 'constraint' and d['kind'] != 'primitive-type']
        self.resources = sorted(d['name'] for d in definitions if d['kind'] == 'resource' and not d.get('abstract'))
        self.shapes = {}
        for definition in definitions:
            if definition['name'] not in ('Resource', 'DomainResource', 'BackboneElement'):
                self.add_definition(definition)
        self.shape_order = sorted(self.shapes)
        self.shape_index = {name: i for i, name in enumerate(self.shape_order)}
        self.target_sets = {(): 0}
        for name in self.shape_order:
            for prop in self.shapes[name].properties:
                self.target_set(prop.targets)
                self.names(prop.key)
        assert len(self.names.list) < 4096, 'keys no longer fit the argument of a program word'

    def add_definition(self, definition):
        elements = definition['snapshot']['element']
        parents = {e['path'].rsplit('.', 1)[0] for e in elements if '.' in e['path']}
        for element in elements:
            path = element['path']
            if path in parents or '.' not in path:
                flags = IS_RESOURCE if path in self.resources else 0
                flags |= {'Extension': IS_EXTENSION, 'Reference': IS_REFERENCE}.get(path, 0)
                self.shapes[path] = Shape(path, flags)
            if '.' in path and element['max'] != '0':
                self.add_element(self.shapes[path.rsplit('.', 1)[0]], element, path in parents)

    def add_element(self, shape, element, has_children):
        name = element['path'].rsplit('.', 1)[1]
        number = len(shape.elements)
        assert number < 128 and element['min'] in (0, 1) and element['max'] in ('1', '*')
        shape.elements.append(name)
        if element['min'] == 1:
            shape.required |= 1 << number
        flags = (MANY if element['max'] == '*' else 0) | (SUMMARY if element.get('isSummary') else 0)
        flags |= (MODIFIER if element.get('isModifier') else 0) | (MANDATORY if element['min'] == 1 else 0)
        if 'contentReference' in element:
            shape.properties.append(Property(name, element['contentReference'][1:], number, flags, ()))
            return
        for type_ in element['type']:
            self.add_type(shape, element, type_, number, flags, element['path'] if has_children else None)

    def add_type(self, shape, element, type_, number, flags, own_shape):
        name = element['path'].rsplit('.', 1)[1]
        code = type_['code']
        if code.startswith(SYSTEM):
            # Ids of elements and urls of extensions are attributes in XML: no extensions of their own. The id of a resource is an id.
            is_resource_id = shape.flags & IS_RESOURCE and name == 'id'
            flags |= 0 if is_resource_id else BARE
            code = 'id' if is_resource_id else ('uri' if name == 'url' else 'string')
        targets = ()
        if code == 'Reference':
            targets = tuple(sorted(t.rsplit('/', 1)[1] for t in type_.get('targetProfile', [])))
            targets = () if 'Resource' in targets else targets
        key = name
        if name.endswith('[x]'):
            key = name[:-3] + code[0].upper() + code[1:]
            flags |= CHOICE
        shape.properties.append(Property(key, own_shape or code, number, flags, targets))

    def target_set(self, targets):
        return self.target_sets.setdefault(targets, len(self.target_sets))

    def type_id(self, type_name):
        if type_name in PRIMITIVES:
            return PRIMITIVES.index(type_name)
        if type_name == 'Resource':
            return ANY_RESOURCE
        return SHAPE_BASE + self.shape_index[type_name]


class Compiler:
    """Search expressions: unions of paths with as, where(resolve() is T), where(x='y'), [n], and one exists()."""

    def __init__(self, model):
        self.model = model

    def compile(self, expression, resource):
        """The programs for one resource type: lists of words; and whether the parameter's value is a truth."""
        if expression == 'Patient.deceased.exists() and Patient.deceased != false':
            return self.path('Patient.deceased', resource), True
        programs = []
        for part in self.split_union(expression):
            for program in self.path(part, resource):
                if program not in programs:
                    programs.append(program)
        return programs, False

    @staticmethod
    def split_union(expression):
        parts, depth, start = [], 0, 0
        for i, c in enumerate(expression):
            depth += (c == '(') - (c == ')')
            if c == '|' and depth == 0:
                parts.append(expression[start:i])
                start = i + 1
        return [p.strip() for p in parts + [expression[start:]]]

    def path(self, text, resource):
        # (a.b as T).c is a.b.as(T).c; T as a choice type or the whole.
        text = re.sub(r'^\(([A-Za-z.]+) as ([A-Za-z]+)\)', r'\1.as(\2)', text)
        steps = re.findall(r"[A-Za-z]+\([^()]*(?:\(\)[^()]*)?\)|[A-Za-z0-9]+|\[\d+\]", text)
        if steps[0] in ('Resource', 'DomainResource'):
            steps[0] = resource
        if steps[0][0].isupper():
            if steps[0] != resource:
                return []
            steps = steps[1:]
        return self.walk(steps, resource, [])

    def walk(self, steps, type_name, words):
        if not steps:
            return [words + [END << 12 | self.model.type_id(type_name)]]
        step, rest = steps[0], steps[1:]
        if step.startswith('['):
            return self.walk(rest, type_name, words + [ITEM << 12 | int(step[1:-1])])
        if step.startswith('as('):
            return self.walk(rest, type_name, words) if step[3:-1] == type_name else []
        found = re.fullmatch(r'where\(resolve\(\) is ([A-Za-z]+)\)', step)
        if found:
            if type_name != 'Reference':
                return []
            return self.walk(rest, type_name, words + [WHERE_TYPE << 12 | self.model.resources.index(found[1])])
        found = re.fullmatch(r"where\(([a-z]+)='([a-z-]+)'\)", step)
        if found:
            names = self.model.names
            return self.walk(rest, type_name, words + [WHERE_EQUALS << 12 | names(found[1]), names(found[2])])
        assert re.fullmatch(r'[a-z][A-Za-z0-9]*', step), 'not understood: ' + step
        properties = self.model.shapes[type_name].choice(step) if type_name in self.model.shapes else []
        assert properties, type_name + ' has no ' + step
        return [p for prop in properties for p in self.walk(rest, prop.type_name, words + [KEY << 12 | self.model.names(prop.key)])]


class Search:
    def __init__(self, model, folder):
        self.model = model
        self.words, self.rows, self.by_resource = [], [], {}
        compiler = Compiler(model)
        parameters = [p for p in load(folder, 'SearchParameter') if not p['id'].startswith(NOT_BASE)]
        assert len(parameters) == 1376
        for resource in model.resources:
            own = sorted((p for p in parameters if resource in p['base']), key=lambda p: p['code'])
            self.by_resource[resource] = self.add(compiler, own, resource)
        common = sorted((p for p in parameters if p['base'][0] in ('Resource', 'DomainResource')), key=lambda p: p['code'])
        self.common = self.add(compiler, common, 'Patient')   # their paths are those of every type

    def add(self, compiler, parameters, resource):
        first = len(self.rows)
        for parameter in parameters:
            kind = parameter['type']
            programs, truth = [], False
            if kind not in ('composite', 'special') and 'expression' in parameter:
                programs, truth = compiler.compile(parameter['expression'], resource)
                assert programs, parameter['id'] + ' yields nothing for ' + resource
            targets = tuple(sorted(t for t in parameter.get('target', []) if t in self.model.resources))
            targets = () if len(targets) == len(self.model.resources) else targets
            assert parameter['url'].startswith(SEARCH_URL)
            code, url = self.model.names(parameter['code']), self.model.names(parameter['url'][len(SEARCH_URL):])
            self.rows.append((code, url, self.model.target_set(targets), len(self.words), len(programs), SEARCH_KINDS.index(kind),
                              IS_TRUTH if truth else 0))
            for program in programs:
                self.words += program
        return first, len(self.rows) - first


def folds():
    """Characters whose case or accents drop away: decomposed, without marks, case-folded; and letters that do not decompose."""
    special = {'ø': 'o', 'Ø': 'o', 'ł': 'l', 'Ł': 'l', 'đ': 'd', 'Đ': 'd', 'ð': 'd', 'Ð': 'd', 'þ': 'th', 'Þ': 'th', 'æ': 'ae', 'Æ': 'ae',
               'œ': 'oe', 'Œ': 'oe', 'ı': 'i', 'ħ': 'h', 'Ħ': 'h', 'ŧ': 't', 'Ŧ': 't', 'ŋ': 'n', 'Ŋ': 'n', '\u00a0': ' ', '\u3000': ' '}
    ranges = [(0xA0, 0x250), (0x300, 0x370), (0x370, 0x530), (0x1E00, 0x2000), (0x2000, 0x200B), (0x3000, 0x3001), (0xFF01, 0xFF5F)]
    result = []
    for low, high in ranges:
        for code in range(low, high):
            char = chr(code)
            plain = unicodedata.normalize('NFKD', unicodedata.normalize('NFKD', char).casefold())
            plain = ''.join(special.get(c, c) for c in plain if not unicodedata.combining(c))
            plain = special.get(char, plain)
            if plain != char and unicodedata.category(char) != 'Cn':
                result.append((code, plain.encode()))
    return result


class Output:
    def __init__(self):
        self.lines = ['// Made by tools/generate_fhir_tables.py from definitions/fhir-r4 (HL7, CC0-1.0). Do not edit.',
                      '#include "codec/fhir/tables.h"', '', 'namespace careledger::codec::fhir::tables {', '']

    def array(self, declaration, rows):
        self.lines.append('const ' + declaration + '[] = {')
        line = ''
        for row in rows:
            text = str(row) if isinstance(row, int) else '{' + ','.join(str(v) for v in row) + '}'
            if len(line) + len(text) > 130:
                self.lines.append(line)
                line = ''
            line += text + ','
        self.lines += [line, '};']

    def number(self, declaration, value):
        self.lines.append('const %s = %s;' % (declaration, value))

    def text(self, declaration, raw):
        self.lines.append('const char ' + declaration + '[] =')
        for i in range(0, len(raw), 60):
            escaped = ''.join(chr(b) if 32 <= b < 127 and b not in b'"\\?' else '\\%03o' % b for b in raw[i:i + 60])
            self.lines.append('"' + escaped + '"')
        self.lines.append(';')

    def write(self, path):
        self.lines += ['', '}  // namespace careledger::codec::fhir::tables', '']
        with open(path, 'w', encoding='ascii') as file:
            file.write('\n'.join(self.lines))


def emit_shapes(model, out):
    shapes, properties, slots, elements = [], [], [], []
    for name in model.shape_order:
        shape = model.shapes[name]
        seed, bits, table = find_slots([p.key for p in shape.properties])
        shapes.append((str(seed) + 'u', '{%du,%du}' % (shape.required & MASK, shape.required >> 64), len(slots), model.names(name),
                       len(properties), len(shape.properties), len(elements), len(shape.elements), bits, shape.flags))
        slots += table
        elements += [model.names(e) for e in shape.elements]
        properties += [(model.names(p.key), model.type_id(p.type_name), model.target_set(p.targets), p.element, p.flags)
                       for p in shape.properties]
    assert len(properties) < NOTHING and len(elements) < NOTHING
    out.array('Property kProperties', properties)
    out.array('Shape kShapes', shapes)
    out.number('std::uint16_t kShapeCount', len(shapes))
    out.array('std::uint16_t kSlots', slots)
    out.array('std::uint16_t kElementNames', elements)
    out.number('std::uint16_t kElementShape', model.shape_index['Element'])


def emit_resources(model, search, compartment, out):
    rows, names = [], []
    for resource in model.resources:
        rows.append((model.names(resource), model.shape_index[resource]) + search.by_resource[resource]
                    + (len(names), len(compartment.get(resource, []))))
        names += [model.names(code) for code in compartment.get(resource, [])]
    seed, bits, slots = find_slots(model.resources)
    out.array('Resource kResources', rows)
    out.number('std::uint16_t kResourceCount', len(rows))
    out.number('std::uint64_t kResourceSeed', str(seed) + 'u')
    out.number('std::uint8_t kResourceSlotBits', bits)
    out.array('std::uint16_t kResourceSlots', slots)
    out.array('std::uint16_t kCompartment', names)


def emit_search(model, search, out):
    assert len(search.words) < NOTHING
    out.array('Search kSearch', search.rows)
    out.number('std::uint16_t kCommonSearch', search.common[0])
    out.number('std::uint16_t kCommonSearchCount', search.common[1])
    out.array('std::uint16_t kPrograms', search.words)


def emit_targets(model, out):
    rows, types = [], []
    for targets in model.target_sets:   # in order of their numbers
        rows.append((len(types), len(targets)))
        types += [model.resources.index(t) for t in targets]
    out.array('TargetSet kTargetSets', rows)
    out.array('std::uint8_t kTargetTypes', types)


def emit_texts(model, out):
    rows, text = [], b''
    for name in model.names.list:
        rows.append((len(text), len(name.encode())))
        text += name.encode()
    out.text('kText', text)
    out.array('Name kNames', rows)
    rows, text = [], b''
    for code, plain in folds():
        rows.append((code, len(text), len(plain)))
        text += plain
    out.array('Fold kFolds', rows)
    out.number('std::uint16_t kFoldCount', len(rows))
    out.text('kFoldText', text)


def main():
    folder, target = sys.argv[1:3]
    model = Model(folder)
    assert len(model.resources) == 146
    search = Search(model, folder)
    patient = [c for c in load(folder, 'CompartmentDefinition') if c['code'] == 'Patient' and c['id'] == 'patient'][0]
    compartment = {r['code']: [p for p in r.get('param', []) if p != '{def}'] for r in patient['resource']}
    out = Output()
    emit_shapes(model, out)
    emit_resources(model, search, compartment, out)
    emit_search(model, search, out)
    emit_targets(model, out)
    emit_texts(model, out)
    out.write(target)


if __name__ == '__main__':
    main()
