// `ws`, for tests outside this folder: dependencies are installed here only.
export { default } from 'ws';
