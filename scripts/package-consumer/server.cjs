const http = require('node:http')

/** An authorization server and an API in one: the API answers with the `Authorization` it was sent. */
exports.startServer = async () => {
  const answers = { '/token': { access_token: 'a-token', token_type: 'Bearer', expires_in: 3600 } }
  const server = http.createServer(({ url, headers }, response) => {
    response.setHeader('content-type', 'application/json')
    response.end(JSON.stringify(answers[url] ?? { authorization: headers.authorization }))
  })
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    origin: `http://127.0.0.1:${server.address().port}`,
    close: () => new Promise((resolve) => server.close(resolve).closeAllConnections()),
  }
}
