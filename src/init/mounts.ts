/** Where volumes are: the mounts of this container without those that are the system's. proc(5) §mountinfo */
import { readFileSync } from 'node:fs';

const ofTheSystem = ['/proc', '/sys', '/dev', '/etc'];

export function mountPoints(): readonly string[] {
  return parseMountInfo(readFileSync('/proc/self/mountinfo', 'utf8'));
}

export function parseMountInfo(text: string): readonly string[] {
  return text
    .split('\n')
    .map((line) => line.split(' ')[4] ?? '')
    .map((path) =>
      path.replace(/\\([0-7]{3})/g, (_, digits: string) => String.fromCodePoint(Number.parseInt(digits, 8))),
    )
    .filter((path) => path.startsWith('/') && path !== '/')
    .filter((path) => !ofTheSystem.some((folder) => path === folder || path.startsWith(`${folder}/`)));
}
