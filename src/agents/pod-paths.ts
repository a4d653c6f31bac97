/** Where things are in the containers of a Task: places that are the same for our system image and for that of KubeOpenCode. */

export const toolsDir = '/tools';
/** Where context-init finds what it is to copy. */
export const contextFilesDir = '/configmap-files';
export const contextFolderDir = (index: number): string => `/configmap-dir-${index}`;
/** Where git-init clones to, in a volume of its own. */
export const gitRoot = '/git';
export const gitLink = 'repo';
export const gitConfig = '.gitconfig';

/** Inside a repository, as written: "/docs/", "./docs". */
export function insideRepository(path: string | undefined): string {
  return (path ?? '')
    .split('/')
    .filter((segment) => segment !== '' && segment !== '.')
    .join('/');
}
