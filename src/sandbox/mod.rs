//! Stand-ins for Google Calendar, Google Meet, Microsoft Graph, the two sign-in services and a mail
//! server, all on loopback.
