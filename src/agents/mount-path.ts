/** Where a context may be put: in the workspace, or anywhere else that neither the Pod nor its image depends on. */
import { fail, ok, type Result } from '../kernel/result.ts';
import { quoted } from '../kernel/failure.ts';

const maxBytes = 4096;
const maxSegmentBytes = 255;
/** Nobody nests that deep, and every folder on the way is looked at. */
const maxDepth = 64;

/** With all below. The kernel's; the account's token; what the init containers work with. */
const reserved = [
  '/proc',
  '/sys',
  '/dev',
  '/var/run/secrets',
  '/run/secrets',
  '/tools',
  '/git',
  '/kubeopencode',
  '/configmap-files',
];
const reservedFolder = /^\/configmap-dir-[^/]*(?:\/|$)/;

/** Who is who, name resolution, what the dynamic linker loads: of the image and the kubelet. */
const systemFiles =
  /^\/etc\/(?:passwd|group|g?shadow|sudoers|sub[ug]id|hosts|hostname|resolv\.conf|nsswitch\.conf|ld\.so\.[^/]*)(?:\/|$)/;

/** A volume there would hide what the image needs to run at all; single folders below are the user's own business. */
const systemFolders = [
  '/bin',
  '/boot',
  '/etc',
  '/lib',
  '/lib64',
  '/run',
  '/sbin',
  '/usr',
  '/usr/bin',
  '/usr/lib',
  '/usr/local',
  '/usr/local/bin',
  '/usr/sbin',
  '/var',
  '/var/run',
];

/** Absolute and normalised; a failure is the rest of a sentence that begins with the name of the field. */
export function resolveMountPath(mountPath: string, workspaceDir: string): Result<string, string> {
  if (/[\p{Cc}\p{Cs}]/u.test(mountPath)) return fail('contains control characters; leave them out');
  const whole = mountPath.startsWith('/') ? mountPath : `${workspaceDir}/${mountPath}`;
  if (Buffer.byteLength(whole) > maxBytes) return fail(`is longer than ${maxBytes} bytes; shorten it`);
  const segments = whole.split('/').filter((segment) => segment !== '' && segment !== '.');
  if (segments.includes('..')) return fail(`is "${quoted(mountPath)}"; write it without ".."`);
  if (segments.length > maxDepth) return fail(`is more than ${maxDepth} folders deep; shorten it`);
  if (segments.some((segment) => Buffer.byteLength(segment) > maxSegmentBytes)) {
    return fail(`has a name of more than ${maxSegmentBytes} bytes in it; shorten it`);
  }
  const path = `/${segments.join('/')}`;
  const problem = placeProblem(path);
  return problem === undefined ? ok(path) : fail(problem);
}

/** Of an absolute, normalised path. */
function placeProblem(path: string): string | undefined {
  const where = `is "${quoted(path)}"`;
  if (path === '/') return `${where}, which would hide the whole image; name a folder or file in it`;
  const place = reserved.find((folder) => isInside(path, folder));
  if (place !== undefined || reservedFolder.test(path)) {
    return `${where}, and ${place ?? 'that folder'} belongs to the Pod; choose another place, such as one relative to the workspace`;
  }
  if (isSystemFolder(path)) return `${where}, which would hide a folder of the image; name a place below it`;
  return systemFiles.test(path)
    ? `${where}, which belongs to the image and the kubelet; choose another place`
    : undefined;
}

/** What would be gone if something were put in its place. */
export function isSystemFolder(path: string): boolean {
  return path === '/' || systemFolders.includes(path);
}

/** Also the folder itself. */
export function isInside(path: string, folder: string): boolean {
  return path === folder || path.startsWith(`${folder}/`);
}

/** Of an absolute path; of those in the root it is `/`. */
export function parentOf(path: string): string {
  return path.slice(0, Math.max(1, path.lastIndexOf('/')));
}

/** From the innermost outwards, without the root. With many paths it is looked up who is inside whom: there are too many pairs. */
export function foldersAround(path: string): readonly string[] {
  const folders: string[] = [];
  for (let folder = parentOf(path); folder !== '/'; folder = parentOf(folder)) folders.push(folder);
  return folders;
}
