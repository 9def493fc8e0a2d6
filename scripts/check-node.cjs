// Old Nodes must be able to read this file: no syntax newer than ES5.
'use strict'

var oldest = [22, 12]
var running = process.versions.node.split('.').map(Number)

if (running[0] < oldest[0] || (running[0] === oldest[0] && running[1] < oldest[1])) {
  console.error(
    [
      'evertoken needs Node ' + oldest.join('.') + ' or newer, and this is Node ' + process.versions.node + '.',
      '',
      'A recent Node comes with the development dependencies, but is not in node_modules. It is left out when',
      'dependencies are installed with --ignore-scripts or without the development ones. Either',
      '  - install again with the scripts that package.json allows: npm ci --include=dev --ignore-scripts=false',
      '  - or use a newer Node of your own.'
    ].join('\n')
  )
  process.exit(1)
}
