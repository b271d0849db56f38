import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A key and its certificate, in PEM. */
export interface Identity {
  readonly key: string;
  readonly cert: string;
}

/** Servers' certificates for localhost and 127.0.0.1, with the authority that signed them; made anew at each call. */
export interface Certificates {
  readonly ca: string;
  readonly valid: Identity;
  readonly expired: Identity;
  /** For elsewhere.example, not for this machine. */
  readonly wrongHost: Identity;
}

export function makeCertificates(): Certificates {
  const folder = mkdtempSync(join(tmpdir(), 'certificates-'));
  const openssl = (...args: string[]) => execFileSync('openssl', args, { cwd: folder, stdio: 'pipe' });
  const read = (file: string) => readFileSync(join(folder, file), 'utf8');
  const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-batch'];

  const sign = (name: string, subject: string, days: number): Identity => {
    const files = ['-keyout', `${name}.key`, '-out', `${name}.csr`];
    openssl('req', ...newKey, ...files, '-subj', `/CN=${name}`, '-addext', `subjectAltName=${subject}`);
    const authority = ['-CA', 'ca.pem', '-CAkey', 'ca.key', '-CAcreateserial', '-copy_extensions', 'copy'];
    openssl('x509', '-req', '-in', `${name}.csr`, ...authority, '-days', String(days), '-out', `${name}.pem`);
    return { key: read(`${name}.key`), cert: read(`${name}.pem`) };
  };

  try {
    openssl(
      'req',
      '-x509',
      ...newKey,
      '-keyout',
      'ca.key',
      '-out',
      'ca.pem',
      '-days',
      '2',
      '-subj',
      '/CN=Test authority',
    );
    const here = 'DNS:localhost,IP:127.0.0.1';
    return {
      ca: read('ca.pem'),
      valid: sign('valid', here, 2),
      expired: sign('expired', here, -1),
      wrongHost: sign('elsewhere', 'DNS:elsewhere.example', 2),
    };
  } finally {
    rmSync(folder, { recursive: true });
  }
}
