import { CALLS_PER_SECOND } from './callers.ts'
import { Figures, NAMES, requestsPerMonth, requestsPerRotation, storeLoad } from './figures.ts'
import type { FleetOutcome } from './fleet.ts'
import { type ScenarioName, VARIANTS } from './scenarios.ts'

/** How the simulation was run. */
export interface RunFacts {
  readonly seed: number
  readonly version: string
  readonly node: string
}

const ABOUT: Readonly<Record<ScenarioName, readonly [title: string, about: string]>> = {
  steady: ['Nothing happens', 'The processes start within half an hour, one by one; 165 minutes.'],
  deploy: [
    'All start at once',
    'A deploy that replaces everything: all processes start within one second, without a token anywhere; 62 minutes.',
  ],
  crashes: [
    'Who requests is killed',
    'As above, and in each rotation the process that requests a token first dies while it waits for the answer; another takes its place 5 seconds later. With the lease it is the holder. The calls that die with a process are not counted.',
  ],
  outage: [
    'The authorization server is away for 15 minutes',
    'A settled fleet; for 15 minutes each token request is answered with status 503 after the usual time.',
  ],
  storeOutage: [
    'The store is away for 40 minutes',
    'A settled fleet; no call of the store is answered, which is worse than one that is refused. The others have no store.',
  ],
}

/** The document, as Markdown. */
export function report(outcomes: readonly FleetOutcome[], facts: RunFacts): string {
  const figures = new Figures(outcomes)
  const chapters = [introduction(figures, facts), results(figures), scenarios(figures), store(figures), model()]
  return `${chapters.join('\n\n')}\n`
}

function introduction(figures: Figures, { seed, version, node }: RunFacts): string {
  const { most } = figures
  const month = (variant: 'jitter' | 'lease') => number(requestsPerMonth(figures.get('steady', variant, most)))
  return `<!-- Written by \`npm run simulate\`; change scripts/simulate instead. -->

# A fleet of processes

How many tokens does a fleet request, how many at once, and what does a shared store change? A simulation says, for
${number(figures.sizes[0] ?? 1)} to ${number(most)} processes with one client: every process runs evertoken's own \`TokenManager\`, on a virtual clock
and a modelled network ([what is modelled](#what-is-modelled-and-what-is-not)).

In short: with tokens that live for an hour, ${number(most)} processes request ${month('jitter')} tokens a month without a store, and
${month('lease')} with one.

This page is written by \`npm run simulate\` (evertoken ${version}, Node ${node.replace('v', '')}, seed ${seed}). The same seed gives the same
page; \`npm run simulate -- --seed 2 --out /tmp/fleet\` gives another elsewhere. All of it takes 8 to 11
minutes on two cores (14 to 20 of CPU time), and up to 8 GB; \`--most 10000\` takes an eighth of that.

The four lines, each with the same calls:

- **${NAMES.naive}**: the fifty lines that many services have: the token is cached, and every call that finds it expired
  requests another.
- **${NAMES.flight}**: evertoken's manager, with a clock that draws nothing but zeros, so that all jitter is gone. Calls of
  one process share one request, and refreshes come ahead of expiry.
- **${NAMES.jitter}**: evertoken's manager as it is.
- **${NAMES.lease}**: evertoken's manager with \`store\`.`
}

function results(figures: Figures): string {
  const table = (scenario: ScenarioName, value: (outcome: FleetOutcome) => number) =>
    markdownTable(
      ['processes', ...VARIANTS.map((variant) => NAMES[variant])],
      figures.sizes.map((size) => [
        number(size),
        ...VARIANTS.map((variant) => number(value(figures.get(scenario, variant, size)))),
      ]),
    )
  const rotation = (variant: 'naive' | 'jitter' | 'lease') =>
    minutes(figures.get('steady', variant, figures.most).rotationMs)
  return `## Token requests per rotation

One rotation: every process has changed its token once. That takes ${rotation('naive')} minutes where tokens are used until they expire,
and ${rotation('jitter')} (${rotation('lease')} with the lease, where the first of many draws decides) where they are refreshed in time.

![Token requests per rotation against processes](fleet/requests-per-rotation.svg)

${table('steady', requestsPerRotation)}

## Peak at the authorization server

The most token requests in any one second. When all processes start at once there is nothing to spread: none has a token,
and each has a call that waits for one. Only a shared token helps.

![Peak token requests per second when all start at once](fleet/peak-at-start.svg)

${table('deploy', ({ peak }) => peak)}

Afterwards such a fleet stays in step, unless jitter or a lease ends that:

![Peak token requests per second in the rotations after a start at once](fleet/peak-afterwards.svg)

${table('deploy', ({ peakSettled }) => peakSettled)}

## Tokens per month

What providers bill, and cap. A token that is refreshed in time is replaced half as often again as one that is used until it
expires; at ten calls a second that costs less than requests that the calls of one process do not share.

![Tokens per month against processes](fleet/tokens-per-month.svg)

${table('steady', requestsPerMonth)}`
}

// Small fleets are the first lines of the plots.
const LARGE = 1000

function scenarios(figures: Figures): string {
  const chapter = (scenario: ScenarioName) => {
    const [title, about] = ABOUT[scenario]
    const sizes = figures.sizes.filter((size) => size >= LARGE)
    const rows = sizes.flatMap((size) =>
      VARIANTS.flatMap((variant) => {
        const one = figures.find(scenario, variant, size)
        if (one === undefined) return []
        const { requests, peak, failedCalls, longestWaitMs, waitingCalls, store } = one
        return [
          [
            ...[number(size), NAMES[variant], number(peak), number(requests), number(failedCalls)],
            ...[number(waitingCalls), seconds(longestWaitMs), store ? number(store.peakSettled) : '–'],
          ],
        ]
      }),
    )
    const heads = [
      'processes',
      '',
      'peak per second',
      'token requests',
      'failed calls',
      'calls that waited',
      'longest wait',
      'store calls per second',
    ]
    return `### ${title}\n\n${about}\n\n${markdownTable(heads, rows)}`
  }
  const chapters = (Object.keys(ABOUT) as ScenarioName[]).map(chapter)
  return `## What may happen

All token requests, failed calls, the highest number of token requests in a second and the longest wait from the start of
the first process. Calls that waited, and the highest number of the store's calls in a second, since the fleet was settled:
after 45 minutes, one minute after a start at once, 60 minutes before something goes away. Where a line is
missing for a large fleet, it would be that of the smaller, multiplied.

${chapters.join('\n\n')}`
}

function store(figures: Figures): string {
  const { most } = figures
  const rows = figures.sizes.map((size) => {
    const steady = figures.get('steady', 'lease', size)
    const { callsPerRotation, callsPerSecond, bytesPerRotation } = storeLoad(steady)
    const deploy = figures.get('deploy', 'lease', size)
    return [
      ...[number(size), number(callsPerRotation), number(callsPerSecond), number(steady.store?.peakSettled ?? 0)],
      ...[number(deploy.store?.peak ?? 0), bytes(bytesPerRotation), bytes(steady.store?.bytesAtRest ?? 0)],
    ]
  })
  const heads = ['processes', 'calls per rotation', 'per second, average', 'peak, steady', 'peak, all start at once']
  return `## What the store costs

A process asks the store when its own token falls due, and not for its requests: about one call per process and rotation,
each one script of Redis. There is one record, however many processes share it.

![Calls of the store per second against processes](fleet/store-calls.svg)

${markdownTable([...heads, 'on the wire per rotation', 'at rest'], rows)}

On the wire: all processes together, in both directions, as Redis's protocol counts, with a token of 1,200 characters and
without TLS. At rest: the record, its key and the names of its fields; Redis 7 says 3 kB (\`MEMORY USAGE\`).

${overrun(figures.get('deploy', 'lease', most))}`
}

function overrun({ processes, requests, peak, longestWaitMs, store }: FleetOutcome): string {
  if (peak < 10)
    return `**When all start at once**, one Redis that carries out 65,000 scripts a second is overrun for a moment by ${number(processes)} processes:
calls queue, and a process without a token waits for them up to a second. So all share one token request, beside
${number(store?.peak ?? 0)} calls of the store in one second, and the longest wait is ${seconds(longestWaitMs)}.`
  return `**Where it ends.** One Redis that carries out 65,000 scripts a second is overrun when ${number(processes)} processes start in the same
second: calls queue for longer than the second that a process without a token waits, and processes request their own: ${number(requests)} token requests, ${number(peak)} of them in one second, beside ${number(store?.peak ?? 0)} calls of the store. A fleet of
this size is better deployed in steps.`
}

function model(): string {
  return `## What is modelled, and what is not

| | |
|---|---|
| Processes | evertoken's \`TokenManager\`, one for each process at every size, with \`keepWarm\`; but for "${NAMES.naive}", which is a class of fifty lines |
| Time | virtual, from event to event; the wall clocks of the hosts differ by up to 2 s either way |
| Calls | ${CALLS_PER_SECOND} a second for each process, at random (Poisson) |
| Tokens | live for an hour; 1,200 characters |
| Token endpoint | answers after 100 ms (median; log-normal, 1 in 100 takes over 320 ms); away: status 503 after as long |
| Store | \`MemoryTokenStore\` behind a queue: 1 ms there and back (median; log-normal, 1 in 100 takes over 5 ms), 15 µs of one thread for each call, encrypted records; away: no answer |

**Calls that change nothing are not played.** A call that finds a valid token leaves no trace, and calls that come at random
have no memory: after any moment the next one comes an exponentially distributed time later. So the simulation goes on
where a process has no valid token any more, which leaves out nothing. Calls that share the fate of one that is
played (they wait for the same request, or fail while a naive client has no token) are not played either: their number is
drawn. With \`keepWarm\` a timer begins the refresh that otherwise the next call begins, a tenth of a second later.

**What one process is told by the authorization server, and all heed:** a \`Retry-After\`; that it does not like the scope, the
target or the grant; and, where the client sends its secret, that it does not like that. It goes to processes with the
very same secret only, and never takes a token away that is valid. What may be one process's own trouble stays its own: a
network that is refused, or a clock that is wrong and makes its assertions expire (\`private_key_jwt\`,
\`client_secret_jwt\`). So a wrong key is a failed login of each process, one after another. Hosts whose clocks differ by more
than half a minute share tokens for less time, and request up to twice as many.

**Not modelled.** The authorization server gets no slower and throttles nobody, whatever arrives: the peaks say what it
would have to bear. Connections, TLS, DNS, and what a process needs to start. A store's own failover. Processes without
traffic, which request nothing. Months are not simulated: what a rotation takes is, and there are as many in 30 days.

The sources are in \`scripts/simulate/\`; a test runs small fleets of every kind and holds them to their bounds.`
}

function markdownTable(heads: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`
  const alignment = heads.map((head) => (head === '' ? '---' : '---:'))
  return [line(heads), line(alignment), ...rows.map(line)].join('\n')
}

function number(value: number): string {
  const digits = Math.abs(value) >= 1000 ? { maximumFractionDigits: 0 } : { maximumSignificantDigits: 3 }
  return value.toLocaleString('en-US', digits)
}

function seconds(ms: number): string {
  return `${number(ms / 1000)} s`
}

function minutes(ms: number): string {
  return number(Math.round(ms / 6000) / 10)
}

function bytes(count: number): string {
  const [unit, size] = count >= 1e6 ? ['MB', 1e6] : count >= 1e3 ? ['kB', 1e3] : ['bytes', 1]
  return `${number(count / size)} ${unit}`
}
