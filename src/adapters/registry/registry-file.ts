/**
 * The file of `--registry-config`: how the installation reaches its registries. Every mistake is told, each with the
 * field it is in; nothing is guessed, and nothing in it widens what any other host may do.
 */
import { defined } from '../../kernel/defined.ts';
import { fail, ok, type Result } from '../../kernel/result.ts';
import { parseStrictYaml } from '../../kernel/strict-yaml.ts';
import { canonicalHost, canonicalRepository } from './docker-config.ts';
import { Fields } from './registry-fields.ts';

export interface RegistryFile {
  readonly registries: readonly RegistryEntry[];
  readonly rewrites: readonly Rewrite[];
}

/** What the installation says of one registry, or of all whose names fit. */
export interface RegistryEntry {
  /** With port; a star stands for one whole part of a name. */
  readonly host: string;
  readonly insecure: boolean;
  readonly files: TlsFiles;
  readonly proxy?: Proxy;
  /** Absent: that of the cloud whose registry it is, where there is one. */
  readonly identity?: CloudName | 'none';
  readonly account?: Account;
  /** In the order in which they are asked, before the registry itself. */
  readonly mirrors: readonly Mirror[];
}

export type CloudName = (typeof clouds)[number];

/** Paths of PEM files. */
export interface TlsFiles {
  readonly ca?: string;
  readonly certificate?: string;
  readonly key?: string;
}

export interface Account {
  readonly username: string;
  readonly passwordFile: string;
}

export interface Proxy {
  readonly url: URL;
  readonly ca?: string;
  readonly account?: Account;
}

export interface Mirror {
  readonly host: string;
  /** Goes before the repository's path there; may be empty. */
  readonly path: string;
  /** Whether it may also say what changes: tags, and lists of what refers to an image. */
  readonly resolveTags: boolean;
}

/** Repositories at and under `from` are fetched at and under `to`. */
export interface Rewrite {
  readonly from: string;
  readonly to: string;
}

const clouds = ['ecr', 'gar', 'acr'] as const;
const identities = [...clouds, 'none'] as const;
const maxCharacters = 1024 * 1024;
export const noRegistryFile: RegistryFile = { registries: [], rewrites: [] };

/** Relative paths in it start at the working directory, as those of flags do. */
export function parseRegistryFile(text: string): Result<RegistryFile, readonly string[]> {
  const stream = parseStrictYaml(text, { characters: maxCharacters, documents: 1, aliases: 0 });
  const document = stream.ok ? (stream.documents[0] ?? { ok: true as const, value: null }) : stream;
  if (!document.ok) return fail([`it cannot be read: ${document.problem}`]);
  const problems: string[] = [];
  const top = Fields.of(document.value ?? {}, '', problems);
  const registries = top.list('registries').map(readEntry);
  const rewrites = top.list('rewrite').map(readRewrite);
  top.end();
  repeated(registries.map(({ host }) => host)).forEach((host) => problems.push(`registries: "${host}" is there twice`));
  repeated(rewrites.map(({ from }) => from)).forEach((from) => problems.push(`rewrite: "${from}" is there twice`));
  // The longest name says most.
  return problems.length > 0
    ? fail(problems)
    : ok({ registries, rewrites: rewrites.toSorted((a, b) => b.from.length - a.from.length) });
}

function readEntry(fields: Fields): RegistryEntry {
  const host = canonicalHost(
    fields.text('host', isHostPattern, 'a host with an optional port, or *.example.com') ?? '',
  );
  const entry = {
    host,
    insecure: fields.flag('insecure'),
    files: readFiles(fields),
    ...readProxy(fields),
    ...defined('identity', fields.oneOf('identity', identities)),
    ...readAccount(fields, 'username', 'passwordFile'),
    mirrors: fields.list('mirrors').map(readMirror),
  };
  contradictions(entry).forEach((problem) => fields.problem(problem));
  fields.end();
  return entry;
}

function contradictions(entry: RegistryEntry): readonly string[] {
  const { host, insecure, files, identity, account } = entry;
  const found: string[] = [];
  const says = (wrong: boolean, sentence: string): void => void (wrong && found.push(sentence));
  says(insecure && host.includes('*'), 'insecure needs the whole name of a host, without a star');
  says(insecure && Object.keys(files).length > 0, 'insecure is plain HTTP, which has neither ca nor clientCertificate');
  says(insecure && isCloud(identity), 'identity is sent over HTTPS only, so it does not go with insecure');
  says(account !== undefined && isCloud(identity), 'username and identity exclude each other');
  says((files.certificate === undefined) !== (files.key === undefined), 'clientCertificate and clientKey go together');
  return found;
}

function isCloud(identity: RegistryEntry['identity']): boolean {
  return identity !== undefined && identity !== 'none';
}

function readFiles(fields: Fields): TlsFiles {
  return {
    ...defined('ca', fields.file('ca')),
    ...defined('certificate', fields.file('clientCertificate')),
    ...defined('key', fields.file('clientKey')),
  };
}

function readAccount(fields: Fields, user: string, password: string): { readonly account?: Account } {
  const username = fields.text(user, (text) => !text.includes(':'), 'a name without a colon');
  const passwordFile = fields.file(password);
  if (username !== undefined && passwordFile !== undefined) return { account: { username, passwordFile } };
  if (fields.has(user) !== fields.has(password)) fields.problem(`${user} and ${password} go together`);
  return {};
}

/** `proxy: http://proxy.example:3128`, or a map with its CA and credentials. */
function readProxy(entry: Fields): { readonly proxy?: Proxy } {
  const fields = entry.map('proxy', 'url');
  const text = fields?.text('url', isProxyUrl, 'the address of a proxy such as http://proxy.example:3128', true);
  if (fields === undefined) return {};
  const rest = { ...defined('ca', fields.file('ca')), ...readAccount(fields, 'username', 'passwordFile') };
  fields.end();
  return text === undefined ? {} : { proxy: { url: new URL(text), ...rest } };
}

function readMirror(fields: Fields): Mirror {
  const mirror = {
    host: canonicalHost(fields.text('host', isHost, 'a host with an optional port', true) ?? ''),
    path: fields.text('path', isPath, 'a path such as proxy/hub') ?? '',
    resolveTags: fields.flag('resolveTags'),
  };
  fields.end();
  return mirror;
}

function readRewrite(fields: Fields): Rewrite {
  const what = 'a host, or a host and a path, such as docker.io/library';
  const [from = '', to = ''] = ['from', 'to'].map((key) =>
    canonicalRepository(fields.text(key, isPlace, what, true) ?? ''),
  );
  fields.end();
  return { from, to };
}

/** As in image names: an address with https:// before it would never be found. */
function isHost(text: string): boolean {
  return /^(?:[a-z0-9](?:[a-z0-9._-]*[a-z0-9])?|\[[0-9a-f:.]+\])(?::\d{1,5})?$/.test(text);
}

/** The last part is no star: nobody means all registries of the world. */
function isHostPattern(text: string): boolean {
  if (!text.includes('*')) return isHost(text);
  return /^(?:(?:\*|[a-z0-9_-]+)\.)+[a-z0-9-]*[a-z][a-z0-9-]*(?::\d{1,5})?$/.test(text);
}

function isPath(text: string): boolean {
  return /^[a-z0-9_-][a-z0-9_.-]*(?:\/[a-z0-9_-][a-z0-9_.-]*)*$/.test(text);
}

function isPlace(text: string): boolean {
  const [host = '', ...path] = text.split('/');
  return isHost(host) && (path.length === 0 || isPath(path.join('/')));
}

function isProxyUrl(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { protocol, username, password, pathname, search, hash } = new URL(text);
  const isPlain = username === '' && password === '' && pathname === '/' && search === '' && hash === '';
  return (protocol === 'http:' || protocol === 'https:') && isPlain;
}

function repeated(names: readonly string[]): readonly string[] {
  return [...new Set(names.filter((name, at) => name !== '' && names.indexOf(name) !== at))];
}
