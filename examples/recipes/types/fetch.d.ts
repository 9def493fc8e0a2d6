// A name from the browser's declarations that the generated client uses.
type BodyInit = NonNullable<RequestInit['body']>
