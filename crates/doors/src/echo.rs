//! `keywire echo`: every message back as it came, on the same WebSocket codec, so that conformance suites can drive it.

use http::header::{CONNECTION, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, UPGRADE};
use http::{HeaderValue, Request, Response, StatusCode};
use http_body_util::Empty;
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use std::convert::Infallible;
use std::io;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use wire::ws::{self, Decoder, Message, Opcode, Role};

/// The greatest message, in bytes.
const MESSAGE_BYTES_MAX: usize = 16 << 20;
/// What is read at once.
const READ_BYTES: usize = 64 << 10;

/// Accepts on `listener` until it is dropped; any path is served.
///
/// # Errors
/// When the socket cannot be watched at all.
pub async fn run(listener: std::net::TcpListener) -> io::Result<()> {
    let listener = tokio::net::TcpListener::from_std(listener)?;
    loop {
        let (socket, _) = listener.accept().await?;
        socket.set_nodelay(true)?;
        tokio::task::spawn_local(async move {
            let service = hyper::service::service_fn(|request| async move { Ok::<_, Infallible>(upgrade(request)) });
            let served = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(socket), service);
            if let Err(error) = served.with_upgrades().await {
                tracing::debug!(%error, "HTTP connection ended");
            }
        });
    }
}

fn upgrade(mut request: Request<Incoming>) -> Response<Empty<&'static [u8]>> {
    let mut response = Response::new(Empty::new());
    let accept = request.headers().get(SEC_WEBSOCKET_KEY).map(|key| ws::accept_key(key.as_bytes()));
    let Some(accept) = accept.and_then(|accept| HeaderValue::try_from(accept).ok()) else {
        *response.status_mut() = StatusCode::BAD_REQUEST;
        return response;
    };
    let upgraded = hyper::upgrade::on(&mut request);
    tokio::task::spawn_local(async move {
        let Ok(parts) = upgraded.await.map(|u| u.downcast::<TokioIo<TcpStream>>()) else { return };
        let Ok(parts) = parts else { return };
        if let Err(error) = echo(parts.io.into_inner(), parts.read_buf.to_vec()).await {
            tracing::debug!(%error, "connection ended");
        }
    });
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    response.headers_mut().insert(UPGRADE, HeaderValue::from_static("websocket"));
    response.headers_mut().insert(CONNECTION, HeaderValue::from_static("Upgrade"));
    response.headers_mut().insert(SEC_WEBSOCKET_ACCEPT, accept);
    response
}

async fn echo(mut stream: TcpStream, mut early: Vec<u8>) -> io::Result<()> {
    let (mut decoder, mut out) = (Decoder::new(Role::Server), Vec::new());
    let mut buffer = vec![0; READ_BYTES];
    let mut is_open = answer(&mut decoder, &mut early, &mut out);
    loop {
        stream.write_all(&out).await?;
        out.clear();
        out.shrink_to(READ_BYTES);
        if !is_open {
            break;
        }
        let count = stream.read(&mut buffer).await?;
        if count == 0 {
            return Ok(());
        }
        is_open = answer(&mut decoder, &mut buffer[..count], &mut out);
    }
    stream.shutdown().await?;
    // Read to the end, so that closing does not reset the connection under the close frame.
    while stream.read(&mut buffer).await? > 0 {}
    Ok(())
}

/// Appends the answers to what came. Returns whether the connection stays open.
fn answer(decoder: &mut Decoder, mut input: &mut [u8], out: &mut Vec<u8>) -> bool {
    loop {
        match decoder.decode(&mut input, MESSAGE_BYTES_MAX) {
            Ok(Some(Message::Text(text))) => ws::frame(Opcode::Text, text.as_bytes(), out),
            Ok(Some(Message::Binary(bytes))) => ws::frame(Opcode::Binary, bytes, out),
            Ok(Some(Message::Ping(payload))) => ws::pong(payload, out),
            Ok(Some(Message::Pong(_))) => {}
            Ok(Some(Message::Close { code, .. })) => {
                ws::close_echo(code, out);
                return false;
            }
            Ok(None) => return true,
            Err(error) => {
                let code = error.close_code();
                ws::close(code, code.reason(), out);
                return false;
            }
        }
    }
}
