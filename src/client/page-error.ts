/** An error that the user can do something about. Its message is a sentence for the user. */
export class PageError extends Error {}
