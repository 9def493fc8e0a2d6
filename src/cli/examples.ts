/** What each command shows of itself in its help; each line runs in bash. */
export const EXAMPLES: Readonly<Record<'evertoken' | 'token' | 'call' | 'doctor' | 'inspect', readonly string[]>> = {
  evertoken: [
    'evertoken token --issuer https://auth.example.com --client-id orders',
    'evertoken call --profile orders https://api.example.com/orders',
    'evertoken doctor --profile orders',
    'evertoken inspect --cached',
  ],
  token: [
    'evertoken token --issuer https://auth.example.com --client-id orders --scope "orders.read orders.write"',
    'evertoken token --profile orders -o json',
    'curl -H @<(evertoken token --header) https://api.example.com/orders',
  ],
  call: [
    'evertoken call https://api.example.com/orders',
    'evertoken call https://api.example.com/orders -d \'{"item":"book"}\' -i',
    "echo 'item=book' | evertoken call https://api.example.com/orders/7 -X PUT -d @- --timeout 10",
  ],
  doctor: ['evertoken doctor', 'evertoken doctor --profile orders --try client_secret_post -o json'],
  inspect: ['evertoken token | evertoken inspect', 'evertoken inspect --cached -o json'],
}

/** The end of a command's help. */
export function examplesOf(command: keyof typeof EXAMPLES): string {
  return ['', 'Examples:', ...EXAMPLES[command].map((line) => `  ${line}`)].join('\n')
}
