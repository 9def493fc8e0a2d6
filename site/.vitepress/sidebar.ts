/** One page of docs/: the name in the sidebar, and the file without `.md`. */
type Page = readonly [name: string, page: string]

/** The pages of the site in the order in which they are read. The reference of the API follows. */
export const SECTIONS: readonly (readonly [title: string, pages: readonly Page[]])[] = [
  [
    'Start',
    [
      ['Get started', 'get-started'],
      ['Questions', 'questions'],
      ['How it works', 'how-it-works'],
      ['Comparison', 'comparison'],
      ['Migration', 'migration'],
    ],
  ],
  [
    'HTTP clients',
    [
      ['Overview', 'recipes'],
      ['axios', 'axios'],
      ['fetch, ky, ofetch', 'fetch'],
      ['undici', 'undici'],
      ['NestJS', 'nestjs'],
      ['Generated clients', 'generated-clients'],
      ['GraphQL and gRPC', 'graphql-and-grpc'],
      ['Handles and bare functions', 'handles'],
    ],
  ],
  [
    'Clients and servers',
    [
      ['Several clients, and tenants', 'several-clients'],
      ['Client authentication', 'client-authentication'],
      ['On behalf of a user', 'on-behalf-of-a-user'],
      ['Mutual TLS', 'mutual-tls'],
      ['DPoP', 'dpop'],
      ['Providers', 'providers'],
      ['Partner endpoints', 'partner-endpoints'],
      ['Proxies and authorities', 'network'],
    ],
  ],
  [
    'Deployment',
    [
      ['Startup and shutdown', 'startup-and-shutdown'],
      ['Kubernetes', 'kubernetes'],
      ['Serverless, long connections', 'serverless'],
      ['Bundling', 'bundling'],
      ['A fleet that shares tokens', 'redis-fleet'],
    ],
  ],
  [
    'Testing your code',
    [
      ['The test kit', 'testing-your-code'],
      ['Scenarios', 'scenarios'],
      ['Jest', 'jest'],
    ],
  ],
  [
    'Operation',
    [
      ['At three in the morning', 'incidents'],
      ['Troubleshooting', 'troubleshooting'],
      ['The command line', 'command-line'],
      ['Metrics and traces', 'telemetry'],
      ['A fleet in figures', 'fleet'],
      ['Performance', 'performance'],
    ],
  ],
  [
    'Look up',
    [
      ['Options', 'options'],
      ['Errors', 'errors'],
      ['Events, inspect(), logging', 'events'],
      ['Standards', 'standards'],
      ['Security', 'security'],
    ],
  ],
  [
    'Carry it on',
    [
      ['Architecture', 'architecture'],
      ['How to add', 'extending'],
      ['How it is tested', 'testing'],
    ],
  ],
]
