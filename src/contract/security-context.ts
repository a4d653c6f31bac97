/** core/v1 SecurityContext of a container, Linux part. Kubernetes 1.35 */
export interface SecurityContext {
  readonly allowPrivilegeEscalation?: boolean;
  readonly appArmorProfile?: Profile;
  readonly capabilities?: { readonly add?: readonly string[]; readonly drop?: readonly string[] };
  readonly privileged?: boolean;
  readonly procMount?: 'Default' | 'Unmasked';
  readonly readOnlyRootFilesystem?: boolean;
  readonly runAsGroup?: number;
  readonly runAsNonRoot?: boolean;
  readonly runAsUser?: number;
  readonly seLinuxOptions?: SeLinuxOptions;
  readonly seccompProfile?: Profile;
}

export interface Profile {
  readonly type: 'RuntimeDefault' | 'Localhost' | 'Unconfined';
  readonly localhostProfile?: string;
}

export interface SeLinuxOptions {
  readonly level?: string;
  readonly role?: string;
  readonly type?: string;
  readonly user?: string;
}
