/**
 * YAML for text that somebody else wrote: 1.2 with its core schema, or as kubectl reads it. Size, nesting and aliases are
 * limited before anything is built from the text; a key that occurs twice is refused. Nothing is thrown.
 */
import {
  Composer,
  CST,
  isAlias,
  isMap,
  isNode,
  isScalar,
  isSeq,
  Lexer,
  LineCounter,
  Parser,
  visit,
  type Document,
  type Scalar,
  type YAMLMap,
} from 'yaml';
import { quoted } from './failure.ts';
import { dialects, type YamlDialect } from './yaml-dialects.ts';
import type { StrictJson } from './strict-json.ts';

export interface YamlLimits {
  readonly characters: number;
  readonly documents: number;
  /** 20 unless told. */
  readonly aliases?: number;
  /** Words, signs, spaces and line ends: what the time to read depends on. As many as manifests have unless told. */
  readonly lexemes?: number;
  /** Lists and maps in each other; 40 unless told. */
  readonly depth?: number;
}

/** A document: its value, or what is wrong with it. */
export type YamlStream =
  { readonly ok: true; readonly documents: readonly StrictJson[] } | { readonly ok: false; readonly problem: string };

const usualDepth = 40;
const usualAliases = 20;
/** Words, signs, spaces and line ends, for each character that is allowed: real manifests have one in four or five. */
const lexemesPerCharacter = 1 / 3;
const minLexemes = 10_000;

export function parseStrictYaml(text: string, limits: YamlLimits, dialect: YamlDialect = 'core'): YamlStream {
  if (text.length > limits.characters) return { ok: false, problem: `larger than ${limits.characters} characters` };
  const lines = new LineCounter();
  const tokens = tokensOf(text, limits, lines);
  if (typeof tokens === 'string') return { ok: false, problem: tokens };
  // Keys are compared below: the library compares each with each.
  const composer = new Composer({ ...dialects[dialect], uniqueKeys: false, resolveKnownTags: false });
  const documents = [...composer.compose(tokens)];
  // A document may also end without the next one's marker.
  if (documents.length > limits.documents) return { ok: false, problem: tooMany(limits) };
  return { ok: true, documents: documents.map((document) => valueOf(document, lines, limits)) };
}

/** For people: in which line a document's member stands, from 1; of a path that is not there, the nearest that is. */
export type YamlPlaces = (path: readonly (string | number)[]) => number;

/** Of each document of a text that `parseStrictYaml` takes within the same limits; of another there are none. */
export function yamlPlaces(text: string, limits: YamlLimits, dialect: YamlDialect = 'core'): readonly YamlPlaces[] {
  if (text.length > limits.characters) return [];
  const lines = new LineCounter();
  const tokens = tokensOf(text, limits, lines);
  if (typeof tokens === 'string') return [];
  const composer = new Composer({ ...dialects[dialect], uniqueKeys: false, resolveKnownTags: false });
  return [...composer.compose(tokens)].map((document) => (path) => {
    const start = nearest(document.contents, path) ?? document.range[0];
    return lines.linePos(start).line;
  });
}

function nearest(start: unknown, path: readonly (string | number)[]): number | undefined {
  let node = start;
  let found = isNode(node) ? node.range?.[0] : undefined;
  for (const step of path) {
    const pair = isMap(node) ? node.items.find(({ key }) => isScalar(key) && key.value === step) : undefined;
    const item = isSeq(node) ? node.items[Number(step)] : undefined;
    const place = pair === undefined ? item : pair.key;
    if (!isNode(place)) return found;
    found = place.range?.[0] ?? found;
    node = pair === undefined ? item : pair.value;
  }
  return found;
}

function tokensOf(text: string, limits: YamlLimits, lines: LineCounter): readonly CST.Token[] | string {
  const parser = new Parser(lines.addNewLine);
  lines.addNewLine(0);
  const tokens: CST.Token[] = [];
  const maxAliases = limits.aliases ?? usualAliases;
  const maxDepth = limits.depth ?? usualDepth;
  const usualLexemes = Math.max(minLexemes, Math.floor(limits.characters * lexemesPerCharacter));
  const maxLexemes = limits.lexemes ?? usualLexemes;
  let lexemes = 0;
  let starts = 0;
  let aliases = 0;
  for (const lexeme of new Lexer().lex(text)) {
    tokens.push(...parser.next(lexeme));
    const type = CST.tokenType(lexeme);
    lexemes += 1;
    starts += Number(type === 'doc-start');
    aliases += Number(type === 'alias');
    // The document itself and the scalar that is being read are on the stack as well.
    if (parser.stack.length > maxDepth + 2) return `nested deeper than ${maxDepth} levels`;
    if (starts > limits.documents) return tooMany(limits);
    if (aliases > maxAliases) return maxAliases === 0 ? 'aliases are not allowed' : `more than ${maxAliases} aliases`;
    if (lexemes > maxLexemes) return `more than ${maxLexemes} words and signs`;
  }
  return [...tokens, ...parser.end()];
}

function tooMany({ documents }: YamlLimits): string {
  return `more than ${documents === 1 ? 'one document' : `${documents} documents`}`;
}

function valueOf(document: Document.Parsed, lines: LineCounter, limits: YamlLimits): StrictJson {
  // Warnings are about tags that mean nothing here.
  const error = document.errors[0] ?? document.warnings[0];
  const problem = error === undefined ? ambiguity(document, lines) : `${error.message}${place(error.pos[0], lines)}`;
  if (problem !== undefined) return { ok: false, problem: quoted(problem, 500) };
  try {
    return { ok: true, value: document.toJS({ maxAliasCount: limits.aliases ?? usualAliases }) as unknown };
  } catch (caught) {
    // Aliases of aliases that unfold to too much, and merges of what is no map.
    return { ok: false, problem: quoted(caught instanceof Error ? caught.message : 'it cannot be read') };
  }
}

function place(offset: number, lines: LineCounter): string {
  const { line, col } = lines.linePos(offset);
  return ` at line ${line}, column ${col}`;
}

/** A key that occurs twice, an alias that means nothing or itself, or a << that brings in no map. */
function ambiguity(document: Document.Parsed, lines: LineCounter): string | undefined {
  let problem: string | undefined;
  const report = (text: string, offset: number | undefined): symbol => {
    problem = `${text}${place(offset ?? 0, lines)}`;
    return visit.BREAK;
  };
  visit(document, (_key, node, path) => {
    if (isAlias(node)) {
      const target = node.resolve(document);
      if (target === undefined) return report(`there is no anchor for the alias *${node.source}`, node.range?.[0]);
      if (path.includes(target)) return report(`the alias *${node.source} holds itself`, node.range?.[0]);
    }
    if (!isMap(node)) return undefined;
    const wrong = wrongKey(node, document);
    if (wrong !== undefined) return report(wrong.problem, (wrong.at ?? node).range?.[0]);
    return undefined;
  });
  return problem;
}

interface WrongKey {
  readonly problem: string;
  /** Absent: the map. */
  readonly at?: Scalar;
}

function wrongKey(map: YAMLMap, document: Document): WrongKey | undefined {
  const keys = new Set<string>();
  for (const { key, value } of map.items) {
    if (!isScalar(key)) return { problem: 'a key is no plain text' };
    // << of YAML 1.1 is a symbol.
    const merges = typeof key.value === 'symbol';
    if (merges && !bringsInMaps(value, document)) return { problem: '<< brings in something else than a map', at: key };
    const name = merges ? '<<' : String(key.value);
    if (keys.has(name)) return { problem: `the key "${name}" occurs twice`, at: key };
    keys.add(name);
  }
  return undefined;
}

/** A map, or a list of maps. */
function bringsInMaps(value: unknown, document: Document): boolean {
  const target = isAlias(value) ? value.resolve(document) : value;
  if (!isSeq(target)) return isMap(target);
  return target.items.every((item) => isMap(isAlias(item) ? item.resolve(document) : item));
}
