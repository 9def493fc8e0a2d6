import { Converter } from 'typedoc'

/** A parameter that is taken apart where it is declared has no name of its own. */
export function load(app) {
  app.converter.on(Converter.EVENT_CREATE_PARAMETER, (_, parameter) => {
    if (parameter.name === '__namedParameters') parameter.name = 'options'
  })
}
