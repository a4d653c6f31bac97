import { describe, expect, test } from 'vitest';
import { cloudOf, ecrHost } from '../../../src/adapters/registry/cloud-hosts.ts';

describe('a registry of a cloud', () => {
  test.each([
    ['123456789012.dkr.ecr.us-east-1.amazonaws.com', 'ecr'],
    ['123456789012.dkr.ecr-fips.us-gov-west-1.amazonaws.com', 'ecr'],
    ['123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn', 'ecr'],
    ['123456789012.dkr.ecr.ap-southeast-2.amazonaws.com', 'ecr'],
    ['123456789012.dkr-ecr.eu-west-1.on.aws', 'ecr'],
    ['europe-west1-docker.pkg.dev', 'gar'],
    ['us-docker.pkg.dev', 'gar'],
    ['gcr.io', 'gar'],
    ['eu.gcr.io', 'gar'],
    ['team.azurecr.io', 'acr'],
    ['team-abc123.azurecr.io', 'acr'],
    ['team.azurecr.cn', 'acr'],
    ['team.azurecr.us', 'acr'],
  ])('%s is one of %s', (host, cloud) => {
    expect(cloudOf(host)).toBe(cloud);
  });

  test.each([
    'evil.dkr.ecr.us-east-1.amazonaws.com.attacker.example',
    '123456789012.dkr.ecr.us-east-1.amazonaws.com.attacker.example',
    '123456789012.dkr.ecr.attacker.example.amazonaws.com',
    '123456789012.dkr.ecr.us-east-1.amazonaws.com:8443',
    '123456789012.dkr.ecr.us-east-1.attacker.example/amazonaws.com',
    '123456789012.dkr.ecr.us-east-1xamazonaws.com',
    '123456789012.dkr.ecr.us-east-1.amazonaws.com.',
    '123456789012.dkr.ecr.us-east-1.amazonaws.com\n',
    'evil.dkr.ecr.us-east-1.amazonaws.com',
    '1234567890123.dkr.ecr.us-east-1.amazonaws.com',
    'attacker.123456789012.dkr.ecr.us-east-1.amazonaws.com',
    'bucket.s3.us-east-1.amazonaws.com',
    'public.ecr.aws',
    'attacker-docker.pkg.dev.attacker.example',
    'attackerdocker.pkg.dev',
    'pkg.dev',
    'a.b-docker.pkg.dev',
    'gcr.io.attacker.example',
    'notgcr.io',
    'a.b.gcr.io',
    'gcr.io:5000',
    'azurecr.io',
    'team.azurecr.io.attacker.example',
    'team.notazurecr.io',
    'a.b.azurecr.io',
    'team.azurecr.com',
    'team.azurecr.io:443',
    'attacker.example',
    'localhost',
    '',
  ])('%j is none', (host) => {
    expect(cloudOf(host)).toBeUndefined();
  });

  test('of Amazon says where it is', () => {
    expect(ecrHost('123456789012.dkr.ecr-fips.us-gov-west-1.amazonaws.com')).toEqual({
      region: 'us-gov-west-1',
      fips: true,
      domain: 'amazonaws.com',
    });
    expect(ecrHost('123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn')).toEqual({
      region: 'cn-north-1',
      fips: false,
      domain: 'amazonaws.com.cn',
    });
  });
});
