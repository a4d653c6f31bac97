export const keyNames = ['p256', 'other', 'p384', 'p521', 'rsa', 'ed25519'] as const;
export type KeyName = (typeof keyNames)[number];
