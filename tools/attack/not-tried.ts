/** The error of an attack that can't go on. It says nothing about the installation. */
export class NotTried extends Error {
  override readonly name = 'NotTried';
}
