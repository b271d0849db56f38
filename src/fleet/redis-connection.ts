import { Redis, type Cluster, type RedisOptions } from 'ioredis';

/**
 * Where Redis or Valkey is: a URL, options of ioredis, or a client of ioredis, of which the fleet makes its own copies
 * and leaves the original alone. A cluster comes as a client.
 */
export type FleetConnection = string | RedisOptions | Redis | Cluster;

/** @throws TypeError for a connection that is not usable; it shows no password. */
export function checkConnection(connection: FleetConnection): FleetConnection {
  if (typeof connection === 'object' && connection !== null) return connection;
  if (typeof connection === 'string' && URL.canParse(connection) && /^rediss?:/.test(connection)) return connection;
  const what = typeof connection === 'string' ? 'this text is no Redis URL' : `${String(connection)} is not usable`;
  throw new TypeError(
    `connection: ${what}; write "redis://host:6379" ("rediss://" for TLS), or options or a client of ioredis`,
  );
}

/** A connection of the fleet's own. Waits for a server that is away instead of failing commands. */
export function connect(connection: FleetConnection): Redis {
  const patience = { maxRetriesPerRequest: null };
  if (typeof connection === 'string') return new Redis(connection, { reconnectOnError, ...patience });
  if (isCluster(connection)) {
    const redisOptions = { ...connection.options.redisOptions, ...patience };
    // What is used of a cluster here has the same shape as of one server.
    return connection.duplicate([], { redisOptions }) as unknown as Redis;
  }
  if (!isClient(connection)) return new Redis({ reconnectOnError, ...connection, ...patience });
  const own = connection.options.reconnectOnError ?? reconnectOnError;
  return connection.duplicate({ reconnectOnError: own, ...patience });
}

/** After a failover the name leads to another server (https://github.com/redis/ioredis#reconnect-on-error). */
const reconnectOnError = ({ message }: Error): boolean => message.includes('READONLY');

function isClient(connection: RedisOptions | Redis | Cluster): connection is Redis | Cluster {
  return 'duplicate' in connection;
}

function isCluster(connection: RedisOptions | Redis | Cluster): connection is Cluster {
  return isClient(connection) && connection.isCluster;
}

/**
 * What of the server's configuration endangers tasks, each with the remedy; empty where it is fine or cannot be read.
 */
export async function flawsOf(redis: Redis): Promise<readonly string[]> {
  const setting = async (name: string): Promise<string | undefined> => {
    // Managed services forbid CONFIG.
    const reply = (await redis.config('GET', name).catch(() => [])) as string[];
    return reply[1];
  };
  const [policy, appendOnly, save] = await Promise.all(['maxmemory-policy', 'appendonly', 'save'].map(setting));
  const flaws: string[] = [];
  if (policy !== undefined && policy !== 'noeviction') {
    flaws.push(`maxmemory-policy: ${policy} lets Redis drop tasks when memory is full; set it to noeviction`);
  }
  if (appendOnly === 'no') {
    const kept = save === '' ? 'nothing survives a restart' : 'a crash loses what came after the last snapshot';
    flaws.push(`appendonly: no means that ${kept}; set it to yes (appendfsync everysec is enough)`);
  }
  return flaws;
}
